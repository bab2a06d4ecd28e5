/**
 * A certificate for 127.0.0.1 that nobody trusts unless told to, valid for a hundred years, and its key. Both are public:
 * they are good for servers of tests alone.
 */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUX+lK3zWbmKWw1O5mO738VRN3KTIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTIwMDExMloYDzIxMjYxMTAx
MjAwMTEyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQMLarV4Cb+iskhpx+aF4CdJhyDKnsm/K4+xW5axUnkwbh1/bP+2iyg
kQjsD4zZfp6ltZjbyukBu85dpF7oyl8mo28wbTAdBgNVHQ4EFgQU6XE9YEliIRFh
leaen7XXcRZaPLAwHwYDVR0jBBgwFoAU6XE9YEliIRFhleaen7XXcRZaPLAwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI
zj0EAwIDSQAwRgIhAIKr8C+iPDt0HXy1DNHloRw4A3lAJGVwlC6ebnYyVjWnAiEA
hLJVZLIThpA7k0jNSNMNDOkn7gaa6/7kbaGpPg0o6bM=
-----END CERTIFICATE-----
`;
export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtbWSKtRI/ttfKi6Z
t5B33FiJIWcQnmw7ujsc/aSNj2ChRANCAAQMLarV4Cb+iskhpx+aF4CdJhyDKnsm
/K4+xW5axUnkwbh1/bP+2iygkQjsD4zZfp6ltZjbyukBu85dpF7oyl8m
-----END PRIVATE KEY-----
`;
