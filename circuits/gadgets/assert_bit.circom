pragma circom 2.2.0;

// Tags `in` as binary after proving that it is 0 or 1.
template AssertBit() {
    signal input in;
    signal output {binary} out;
    in * (in - 1) === 0;
    out <== in;
}
