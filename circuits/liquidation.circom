pragma circom 2.2.0;

include "bitify.circom";
include "comparators.circom";
include "types.circom";
include "gadgets/assert_bit.circom";
include "gadgets/assert_range.circom";
include "gadgets/non_zero_iff.circom";
include "gadgets/safe_less_than.circom";
include "gadgets/water_fill.circom";
include "gadgets/weighted_sum.circom";

// The one correct liquidation of an account at the marks (docs/protocol.md#liquidation), or, where `liquidate` is 0, no change.
// When liquidate = 1 it enforces:
//  1. the account is breached: H < 0; and not oversize: sum price |b| < 2^95;
//  2. which of three cases holds, and only that one fits:
//       dust          both sides below their thresholds. Everything is closed;
//       insufficient  not dust, and T(2^48 - 1) < 2^32. Everything is closed;
//       partial       not dust, T(m) >= 2^32 and T(m - 1) < 2^32 for the witness m in [1, 2^48). q(m) is traded.
//     T is monotone for the orderings the contract enforces on marks, so m is the smallest multiplier, and no other
//     case or amount has a witness;
//  3. cash moves by floor(sum sold sell - sum bought buy, at the 2^32 scale); below zero after a full close it becomes 0
//     and the shortfall is badDebt;
//  4. old and new magnitudes are below 2^64, the new signs canonical;
//  5. backstopDelta is minus the change of the balances, after flooring and bad debt.
// 4 and 5 hold for every call. With liquidate = 0 the multiplier is 0, so nothing is traded whatever the balances are: an
// inactive step, whose balances no leaf ties down, moves nothing to or from the backstop.
// Marks are below 2^64 (contract) and weights 1..15 (caller).
template Liquidation() {
    signal input {binary} liquidate;
    signal input insufficient;            // 1 iff the case is `insufficient`
    signal input multiplier;              // m, 0 unless the case is `partial`
    input Balances() before;
    signal input weight[8];
    input AssetMarks() marks[7];
    signal input minLiability;
    output Balances() after;
    signal output backstopDelta[8];       // signed
    signal output badDebt;

    // 4, old magnitudes: every bound below rests on these.
    for (var a = 0; a < 8; a++) {
        AssertRange(64)(before.magnitude[a]);
    }

    // Balances at the several marks. cash is signed; both sums are in 1/2^32 cash units, below 2^132 in magnitude.
    signal cash <== before.magnitude[0] * (1 - 2 * before.sign[0]);
    component maintenance = WeightedSum();
    component target = WeightedSum();
    component trade = WeightedSum();      // only its coefficients are used: +sell or -buy
    component size = WeightedSum();       // every balance at +price
    for (var a = 0; a < 7; a++) {
        maintenance.positive[a] <== marks[a].u;
        maintenance.negative[a] <== marks[a].v;
        target.positive[a] <== marks[a].ut;
        target.negative[a] <== marks[a].vt;
        trade.positive[a] <== marks[a].sell;
        trade.negative[a] <== marks[a].buy;
        size.positive[a] <== marks[a].price;
        size.negative[a] <== -marks[a].price;
    }
    maintenance.balances <== before;
    target.balances <== before;
    trade.balances <== before;
    size.balances <== before;
    signal healthBefore <== maintenance.out + cash * (1 << 32);
    signal targetBefore <== target.out + cash * (1 << 32);

    // 1. Breached, and of a size whose cash cannot outgrow 64 bits.
    signal breachGap <== liquidate * (-1 - healthBefore);
    AssertRange(134)(breachGap);
    signal total <== liquidate * (size.out + before.magnitude[0] * (1 << 32));
    AssertRange(95)(total);

    // 2a. Dust. `total` and so `liabilities` and `collateral` are below 2^95, the thresholds below 2^98.
    signal liabilityTerm[8];
    liabilityTerm[0] <== before.sign[0] * before.magnitude[0] * (1 << 32);
    var liabilitySum = liabilityTerm[0];
    signal atPrice[7];
    for (var a = 0; a < 7; a++) {
        atPrice[a] <== marks[a].price * before.magnitude[a + 1];
        liabilityTerm[a + 1] <== before.sign[a + 1] * atPrice[a];
        liabilitySum += liabilityTerm[a + 1];
    }
    signal liabilities <== liquidate * liabilitySum;
    signal {binary} smallLiabilities <== SafeLessThan(98)(liabilities, minLiability * (1 << 32));
    signal {binary} smallCollateral <== SafeLessThan(98)(total - liabilities, minLiability * (1 << 34));
    signal small <== smallLiabilities * smallCollateral;

    // 2b. The case: dust, insufficient or partial, exclusive, and none unless liquidate.
    signal dust <== liquidate * small;
    signal {binary} insufficientBit <== AssertBit()(insufficient);
    insufficientBit * (1 - liquidate + dust) === 0;
    signal {binary} partial;
    partial <== liquidate - dust - insufficientBit;
    signal close <== dust + insufficientBit;

    // 2c. m in [1, 2^48) iff partial. The second multiplier is the one that must miss the target.
    AssertRange(48)(multiplier);
    NonZeroIff()(multiplier, partial);
    signal missing <== multiplier - partial + insufficientBit * ((1 << 48) - 1);

    // 2d. q at both multipliers, and the exact T after trading it.
    component fill[7];
    component missingFill[7];
    signal k[7];
    signal kw[7];
    signal gain[7];
    signal missingGain[7];
    var reached = targetBefore;
    var missed = targetBefore;
    for (var a = 0; a < 7; a++) {
        k[a] <== marks[a].kSell + before.sign[a + 1] * (marks[a].kBuy - marks[a].kSell);
        kw[a] <== k[a] * weight[a + 1];
        fill[a] = WaterFill();
        fill[a].rate <== multiplier * kw[a];
        fill[a].magnitude <== before.magnitude[a + 1];
        missingFill[a] = WaterFill();
        missingFill[a].rate <== missing * kw[a];
        missingFill[a].magnitude <== before.magnitude[a + 1];
        // sell - ut or vt - buy: what trading one unit adds to T.
        gain[a] <== fill[a].traded * (trade.coefficient[a] - target.coefficient[a]);
        missingGain[a] <== missingFill[a].traded * (trade.coefficient[a] - target.coefficient[a]);
        reached += gain[a];
        missed += missingGain[a];
    }
    signal reachedGap <== partial * (reached - (1 << 32));
    AssertRange(134)(reachedGap);
    signal missedGap <== (partial + insufficientBit) * ((1 << 32) - 1 - missed);
    AssertRange(134)(missedGap);

    // 3 and 4. The traded balances. What is left is between 0 and the old magnitude, for so is what is traded, and
    // nothing is left iff the fill is capped or everything is closed.
    signal left[7];
    signal remains[7];
    signal proceeds[7];
    signal bought[7];
    var proceedsSum = 0;
    for (var a = 0; a < 7; a++) {
        left[a] <== (1 - close) * (before.magnitude[a + 1] - fill[a].traded);
        remains[a] <== (1 - close) * (1 - fill[a].capped);
        after.magnitude[a + 1] <== left[a];
        after.sign[a + 1] <== before.sign[a + 1] * remains[a];

        var traded = before.magnitude[a + 1] - left[a];
        proceeds[a] <== traded * trade.coefficient[a];
        proceedsSum += proceeds[a];
        bought[a] <== before.sign[a + 1] * traded;
        backstopDelta[a + 1] <== traded - 2 * bought[a];
    }

    // Cash: proceeds = change 2^32 + remainder, then cash + change = (1 - 2 negative) amount with amount < 2^100.
    // |proceeds| < 2^132, so neither equation wraps, and all four are unique.
    signal remainder;
    signal {binary} negative;
    signal amountBits[100];
    var shifted = proceedsSum + (1 << 140);
    remainder <-- shifted & ((1 << 32) - 1);
    AssertRange(32)(remainder);
    var change = (proceedsSum - remainder) / (1 << 32);
    var result = cash + change;
    var isNegative = result < 0;
    var amountHint = isNegative ? -result : result;
    signal negativeHint <-- isNegative;
    negative <== AssertBit()(negativeHint);
    var amount = 0;
    var low = 0;
    for (var i = 0; i < 100; i++) {
        amountBits[i] <-- (amountHint >> i) & 1;
        amountBits[i] * (amountBits[i] - 1) === 0;
        amount += amountBits[i] * (1 << i);
        if (i < 64) {
            low += amountBits[i] * (1 << i);
        }
    }
    (1 - 2 * negative) * amount === result;
    signal zeroAmount <== IsZero()(amount);
    negative * zeroAmount === 0;

    // A shortfall of a full close is bad debt; any other amount is the new cash, below 2^64.
    signal shortfall <== close * negative;
    badDebt <== shortfall * amount;
    (1 - shortfall) * (amount - low) === 0;
    after.magnitude[0] <== amount - badDebt;
    after.sign[0] <== negative - shortfall;

    // 5. Minus the change of cash. After it is change, plus the bad debt that was forgiven.
    backstopDelta[0] <== -change - badDebt;
}
