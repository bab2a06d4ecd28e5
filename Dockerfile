# The newest LTS of Node, pinned to its major version.
FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:26-slim
LABEL org.opencontainers.image.title="ollama-task-router" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
# From outside the container only this address can be reached; the admin listener stays on the container's loopback
# until TASK_ROUTER_ADMIN_LISTEN moves it, which needs TASK_ROUTER_ADMIN_TOKEN.
ENV NODE_ENV=production \
    TASK_ROUTER_LISTEN=0.0.0.0:11435
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY config ./config
# For state.path; a volume that is mounted here takes over its owner.
RUN install -d -o node -g node /var/lib/ollama-task-router
USER node
EXPOSE 11435 11436 9464
STOPSIGNAL SIGTERM
# Asks the admin listener where it is by default or where the variable puts it; a wildcard is reached over loopback.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["node", "-e", "const at = (process.env.TASK_ROUTER_ADMIN_LISTEN || '127.0.0.1:11436').replace('0.0.0.0', '127.0.0.1').replace('[::]', '[::1]'); fetch(`http://${at}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
