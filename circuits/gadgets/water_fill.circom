pragma circom 2.2.0;

include "assert_bit.circom";
include "bitify.circom";

// traded = min(floor(rate / 2^43), magnitude), where rate = m k w < 2^116 and magnitude < 2^64 (docs/protocol.md#liquidation).
//
// One bit and one decomposition decide it. With low < 2^43 and high < 2^73:
//   capped = 0: traded = magnitude - (high + 1) and rate = traded 2^43 + low, so traded < magnitude is the floor;
//   capped = 1: traded = magnitude and rate = traded 2^43 + high 2^43 + low, so the floor is at least the magnitude.
// Neither equation can wrap around the field, so just one (capped, high, low) exists: the answer and its proof are unique.
// capped = 1 iff nothing of the balance is left.
template WaterFill() {
    signal input rate;
    signal input magnitude;
    signal output traded;
    signal output {binary} capped;

    var floor = rate >> 43;
    var isCapped = floor >= magnitude;
    signal hint <-- isCapped;
    capped <== AssertBit()(hint);
    var highValue = isCapped ? floor - magnitude : magnitude - floor - 1;

    signal bits[116];
    var high = 0;
    var low = 0;
    for (var i = 0; i < 116; i++) {
        bits[i] <-- i < 43 ? (rate >> i) & 1 : (highValue >> (i - 43)) & 1;
        bits[i] * (bits[i] - 1) === 0;
        if (i < 43) {
            low += bits[i] * (1 << i);
        } else {
            high += bits[i] * (1 << (i - 43));
        }
    }

    signal excess <== capped * high;
    traded <== magnitude - (high + 1 - excess - capped);
    rate === (traded + excess) * (1 << 43) + low;
}
