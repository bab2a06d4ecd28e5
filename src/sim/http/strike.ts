import { refuse } from './dialect.ts';
import { JSON_UTF8, RUNNER_DIED, type Exchange } from './exchange.ts';
import type { Fault } from './faults.ts';
import { BUSY } from './run-ask.ts';

const defaultMessage = (status: number, model: string): string => {
  if (status === 503) return BUSY;
  return status === 404 ? `model '${model}' not found` : RUNNER_DIED;
};

/** Lets a fault hit a request. True = the request is dealt with; else the fault waits for the answer to flow. */
export const strike = (exchange: Exchange, fault: Fault, model: string): boolean => {
  switch (fault.kind) {
    case 'reset':
      exchange.cut('reset');
      return true;
    case 'hang':
      exchange.silence();
      return true;
    case 'status':
      refuse(exchange, fault.status, fault.message ?? defaultMessage(fault.status, model));
      return true;
    case 'garbage':
      if (fault.what === 'json') exchange.send(200, { 'Content-Type': JSON_UTF8 }, '{"model": <html>');
      else exchange.raw('\u0000\u0001 this is not HTTP\r\n\r\n');
      return true;
    default:
      exchange.fault = fault;
      return false;
  }
};
