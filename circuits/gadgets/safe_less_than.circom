pragma circom 2.2.0;

include "bitify.circom";

// out = (a < b) for a, b in [-2^bits / 2, 2^bits / 2] and, more generally, wherever |a - b| < 2^bits.
// The decomposition is its own range check: a difference outside that has no valid witness.
template SafeLessThan(bits) {
    assert(bits < 252);
    signal input a;
    signal input b;
    signal output {binary} out;
    component difference = Num2Bits(bits + 1);
    difference.in <== a - b + (1 << bits);
    out <== 1 - difference.out[bits];
}
