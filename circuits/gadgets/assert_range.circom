pragma circom 2.2.0;

include "bitify.circom";

// Proves 0 <= in < 2^bits. A negative number is a field element near r, so for bits < 253 it is refused as well.
template AssertRange(bits) {
    assert(bits < 253);
    signal input in;
    component decomposition = Num2Bits(bits);
    decomposition.in <== in;
}
