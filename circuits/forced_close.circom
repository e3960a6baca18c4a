pragma circom 2.2.0;

include "comparators.circom";
include "gadgets/assert_bit.circom";
include "gadgets/assert_range.circom";
include "gadgets/safe_less_than.circom";

// What a forced close trades, and whether the account can (docs/protocol.md#forced-closing). Where `closing` is 1, demanded is:
//  1. amount = min(asked, position);
//  2. cash + 2^64 cashHigh is floor(amount mark / 2^32) where the account sells, and the same rounded up where it buys. It can be
//     2^64 or more, so that a request which would trade for that much can be told from one that is served.
// Exactly, so that a discharge can rest on the contrary:
//   possible = 1 iff the position is not 0 and of the side that the direction closes; the mark is no less than the limit where
//   the account sells, no more where it buys; and cashHigh = 0.
// amount and cash are below 2^64 (BalanceChange), and so is `position` (birth of the leaf), mark below 2^64 (contract), so
// amount mark is below 2^128. `asked` and `limit` are published as they are, and the contract has them below 2^64.
template ForcedClose() {
    signal input {binary} closing;
    signal input position;                // magnitude of the asset's balance
    signal input sign;                    // and its sign
    signal input {binary} direction;      // 1: the account buys, and the position shall be short
    signal input asked;
    signal input limit;
    signal input amount;
    signal input cash;
    signal input cashHigh;
    signal input mark;                    // sell, or buy where the account buys
    signal input worth;                   // amount mark
    signal output possible;

    // 1. The lesser of the two is what the other is no less than; where they are equal it does not matter which is chosen.
    signal wholeHint <-- asked >= position ? 1 : 0;
    signal {binary} whole <== AssertBit()(wholeHint);
    signal traded <== asked + whole * (position - asked);
    closing * (amount - traded) === 0;
    signal rest <== (2 * whole - 1) * (asked - position);
    signal restIfClosing <== closing * rest;
    AssertRange(64)(restIfClosing);

    // 2.
    AssertRange(32)(cashHigh);
    signal over <== (1 - 2 * direction) * (worth - (cash + cashHigh * (1 << 64)) * (1 << 32));
    signal overIfClosing <== closing * over;
    AssertRange(32)(overIfClosing);

    // The verdict.
    signal none <== IsZero()(position);
    signal otherSide <== sign + direction - 2 * sign * direction;
    signal slack <== (1 - 2 * direction) * (mark - limit);
    signal slackIfClosing <== closing * slack;
    signal {binary} missed <== SafeLessThan(64)(slackIfClosing, 0);
    signal fitting <== IsZero()(cashHigh);
    signal sided <== (1 - none) * (1 - otherSide);
    signal within <== (1 - missed) * fitting;
    possible <== sided * within;
}
