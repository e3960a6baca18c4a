pragma circom 2.2.0;

include "comparators.circom";
include "assert_bit.circom";

// A signed number of at most 65 bits as canonical sign (0 for zero) and magnitude; `large` iff the magnitude is 2^64 or more.
// All three are unique: (1 - 2 sign) magnitude cannot wrap around the field.
template SignMagnitude() {
    signal input in;
    signal output {binary} sign;
    signal output magnitude;
    signal output {binary} large;

    var isNegative = in < 0;
    var value = isNegative ? -in : in;
    signal signHint <-- isNegative;
    sign <== AssertBit()(signHint);
    signal bits[65];
    var sum = 0;
    for (var i = 0; i < 65; i++) {
        bits[i] <-- (value >> i) & 1;
        bits[i] * (bits[i] - 1) === 0;
        sum += bits[i] * (1 << i);
    }
    magnitude <== sum;
    (1 - 2 * sign) * magnitude === in;
    signal zero <== IsZero()(magnitude);
    sign * zero === 0;
    large <== bits[64];
}
