import { KIND, type Message } from './messages.ts'

/** Request of an owner to a node besides what it publishes: its operations, or that one of them be forgotten. */
export type ApiRequest =
  | { readonly kind: 'list'; readonly index: number }
  | { readonly kind: 'cancel'; readonly index: number; readonly id: bigint }

/** The message that proves to a node whose request it is. @param expiry unix seconds until which it proves that */
export function apiMessage(request: ApiRequest, expiry: bigint): Message {
  return {
    kind: KIND[request.kind],
    index: request.index,
    nonce: 0n,
    expiry,
    asset: 0,
    direction: 0,
    x: 0n,
    y: 0n,
    extra: request.kind === 'cancel' ? request.id : 0n,
  }
}
