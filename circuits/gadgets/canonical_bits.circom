pragma circom 2.2.0;

include "comparators.circom";
include "assert_bit.circom";
include "assert_range.circom";

// The 254 bits of `in` as an integer below r. Without the last condition a field element has two decompositions, in and
// in + r, and a scalar taken from the second would be another one modulo the curve's order.
// r - 1 = top 2^127 + rest. The bits' upper 127 are below `top`, or they are `top` and the lower 127 are at most `rest`.
template CanonicalBits() {
    signal input in;
    signal output {binary} out[254];

    var top = -1 >> 127;
    var rest = -1 & ((1 << 127) - 1);
    signal hint[254];
    var low = 0;
    var high = 0;
    for (var i = 0; i < 254; i++) {
        hint[i] <-- (in >> i) & 1;
        out[i] <== AssertBit()(hint[i]);
        if (i < 127) {
            low += out[i] * (1 << i);
        } else {
            high += out[i] * (1 << (i - 127));
        }
    }
    low + high * (1 << 127) === in;

    signal equal <== IsZero()(high - top);
    signal slack <== equal * (rest - low + 1);
    AssertRange(127)(top - 1 - high + slack);
}
