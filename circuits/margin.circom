pragma circom 2.2.0;

include "comparators.circom";
include "concentration.circom";
include "types.circom";
include "gadgets/assert_range.circom";
include "gadgets/safe_less_than.circom";
include "gadgets/weighted_sum.circom";

// Whether an account may end with these balances at the marks (docs/protocol.md#transact). Exactly, so that a discharge can
// rest on the contrary:
//   small  = 1 iff sum price |b| < 2^95;
//   enough = 1 iff T 2^48 - charge >= 2^32 2^48 or no balance is negative; the charge is Concentration's.
// `exception` is for a trade of an account that stays below its target. Where it is 1, enough = 1 iff instead all of these:
//  1. T afterwards is at least T before + 1, the charge left out of both;
//  2. the position shrinks by just the amount traded: it does not grow and does not change its sign, but may be closed;
//  3. the price is no worse than a liquidation's: cash 2^32 >= amount sell where the account sells, cash 2^32 <= amount buy
//     where it buys. Nothing is rounded.
// Of these, 2 and 3 are demanded, and 1 is what `enough` says. The prover may leave an exception out, never claim it without
// cause; the caller allows it for trades only.
// Marks are below 2^64 (contract). Balances before are below 2^64 and after below 2^65, so T and sizes are below 2^132.
// `enough` is compared at the charge's scale: |T| 2^48 and |line| 2^48 are below 2^181 each, the charge is below 2^197, so the two
// sides differ by less than 2^182 + 2^197 < 2^200, and nothing wraps around r.
template Margin() {
    input Balances() before;
    input Balances() after;
    input TradeMarks() marks[7];
    signal input {binary} assetBit[8];
    signal input {binary} direction;
    signal input amount;
    signal input cash;
    signal input shrunk;                  // see BalanceChange
    signal input {binary} exception;
    signal input kappa[7];
    signal output mark;                   // sell, or buy where the account buys, of the asset; 0 of cash
    signal output worth;                  // amount times mark
    signal output {binary} small;
    signal output {binary} enough;

    component targetBefore = WeightedSum();
    component targetAfter = WeightedSum();
    var size = after.magnitude[0] * (1 << 32);
    signal atPrice[7];
    for (var a = 0; a < 7; a++) {
        targetBefore.positive[a] <== marks[a].ut;
        targetBefore.negative[a] <== marks[a].vt;
        targetAfter.positive[a] <== marks[a].ut;
        targetAfter.negative[a] <== marks[a].vt;
        atPrice[a] <== marks[a].price * after.magnitude[a + 1];
        size += atPrice[a];
    }
    targetBefore.balances <== before;
    targetAfter.balances <== after;
    signal cashBefore <== (1 - 2 * before.sign[0]) * before.magnitude[0];
    signal cashAfter <== (1 - 2 * after.sign[0]) * after.magnitude[0];

    small <== SafeLessThan(132)(size, 1 << 95);

    // The line is 2^32, or T before + 1 for an exception, which is not charged, nor excused by having no liability.
    signal line <== (1 << 32) + exception * (targetBefore.out + cashBefore * (1 << 32) + 1 - (1 << 32));
    component concentration = Concentration();
    concentration.balances <== after;
    concentration.kappa <== kappa;
    signal charged <== (1 - exception) * concentration.charge;
    var reached = (targetAfter.out + cashAfter * (1 << 32)) * (1 << 48) - charged;
    signal {binary} below <== SafeLessThan(200)(reached, line * (1 << 48));
    var liabilities = 0;
    for (var a = 0; a < 8; a++) {
        liabilities += after.sign[a];
    }
    signal debtFree <== IsZero()(liabilities);
    signal excused <== debtFree * (1 - exception);
    enough <== 1 - below * (1 - excused);

    // 2.
    exception * (shrunk - amount) === 0;

    // 3. Below 2^96 where the account sells, below 2^128 where it buys.
    signal penalized[7];
    signal chosenMark[7];
    var chosen = 0;
    for (var a = 0; a < 7; a++) {
        penalized[a] <== marks[a].sell + direction * (marks[a].buy - marks[a].sell);
        chosenMark[a] <== assetBit[a + 1] * penalized[a];
        chosen += chosenMark[a];
    }
    mark <== chosen;
    worth <== amount * mark;
    signal advantage <== (1 - 2 * direction) * (cash * (1 << 32) - worth);
    signal priceGap <== exception * advantage;
    AssertRange(128)(priceGap);
}
