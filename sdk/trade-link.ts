import { type Address, concatHex, type Hex, keccak256, pad, slice, toHex } from 'viem'
import { FIELD } from '../protocol/constants.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { otherSide } from './both-halves.ts'
import type { TradeTerms } from './owner-wallet.ts'
import type { DeploymentInfo } from './schemas.ts'

/** Bytes of a link: the secret that joins the halves, chain, settlement, asset, direction, x, y, and a checksum. */
const SIZE = 32 + 8 + 20 + 1 + 1 + 8 + 8 + 4

/** A trade that was proposed: the link of both halves, and what the first half does. */
export interface Proposal extends TradeTerms {
  readonly link: bigint
}

/** A link that carries the terms of a trade, for whoever is to sign the other half of it. */
export function encodeProposal({ chainId, settlement }: DeploymentInfo, { link, ...terms }: Proposal): Hex {
  const { asset, direction, x, y } = terms
  const body = concatHex([
    toHex(link, { size: 32 }),
    toHex(chainId, { size: 8 }),
    pad(settlement as Address, { size: 20 }),
    toHex(asset, { size: 1 }),
    toHex(direction, { size: 1 }),
    toHex(x, { size: 8 }),
    toHex(y, { size: 8 }),
  ])
  return concatHex([body, slice(keccak256(body), 0, 4)])
}

/** @throws PlimsollError when it is no such link, is damaged, or is of another settlement */
export function decodeProposal({ chainId, settlement }: DeploymentInfo, text: string): Proposal {
  if (!new RegExp(`^0x[0-9a-fA-F]{${2 * SIZE}}$`).test(text))
    throw new PlimsollError('The link is not one of a trade with its terms.', {
      hint: 'Copy it whole, as it was printed.',
    })
  const whole = text.toLowerCase() as Hex
  const body = slice(whole, 0, SIZE - 4)
  if (slice(keccak256(body), 0, 4) !== slice(whole, SIZE - 4))
    throw new PlimsollError('The link is damaged: its checksum is not right.', { hint: 'Copy it again.' })
  const part = (from: number, to: number) => BigInt(slice(body, from, to))
  if (part(32, 40) !== BigInt(chainId) || part(40, 60) !== BigInt(settlement))
    throw new PlimsollError('The link is of a trade in another settlement than that of the node.')
  const direction = Number(part(61, 62))
  const link = part(0, 32)
  if (direction > 1 || link === 0n || link >= FIELD) throw new PlimsollError('The link is not one of a trade.')
  return {
    link,
    asset: Number(part(60, 61)),
    direction: direction as 0 | 1,
    x: part(62, 70),
    y: part(70, 78),
  }
}

/**
 * The other half of a proposed trade, for whoever accepts it.
 * @throws PlimsollError when it is of an asset that there is not, or would be signed for nothing in return
 */
export function acceptanceOf({ assets }: Pick<DeploymentInfo, 'assets'>, proposal: Proposal): Proposal {
  const own = otherSide(proposal)
  const [cash, unit] = [assets[0], assets[own.asset]]
  if (cash === undefined || unit === undefined || own.asset === 0)
    throw new PlimsollError('The link is of an asset that there is not.')
  // Whoever gives away has said so by a transfer; nobody is to do it by a link that looks like a trade.
  if ((own.direction === 1 ? own.x : own.y) === 0n) {
    const given =
      own.direction === 1
        ? `${formatDecimal(own.y, cash.decimals)} ${cash.symbol}`
        : `${formatDecimal(own.x, unit.decimals)} ${unit.symbol}`
    throw new PlimsollError(`By this link you would give ${given} for nothing.`, {
      hint: 'Whoever gives signs first, with a transfer.',
    })
  }
  return own
}

/** The secret alone, which joins the halves, of a link with terms or without. @throws PlimsollError when it is neither */
export function linkOf(text: string): bigint {
  const digits = /^0x([0-9a-fA-F]+)$/.exec(text)?.[1] ?? ''
  const secret = digits.length === 2 * SIZE ? digits.slice(0, 64) : digits.length <= 64 ? digits : ''
  const link = secret === '' ? 0n : BigInt(`0x${secret}`)
  if (link === 0n || link >= FIELD)
    throw new PlimsollError('--link is not the link of a trade: a hexadecimal number, as the first half printed it.')
  return link
}
