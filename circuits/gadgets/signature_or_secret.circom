pragma circom 2.2.0;

include "babyjub.circom";
include "bitify.circom";
include "comparators.circom";
include "poseidon.circom";
include "canonical_bits.circom";
include "scalar_mul_any.circom";
include "scalar_mul_fix.circom";

// One multiplication of 8 A and one of B8, used in one of two ways.
//   opens = 0: valid = 1 iff S B8 = R8 + h (8 A) with h = Poseidon(R8, A, message), exactly: 0 has a witness just for an
//              invalid signature. h is taken by its canonical bits; else h + r would "prove" a good signature bad.
//   opens = 1: fixed = secret B8 and shared = secret (8 A), one secret below 2^253: its 253 bits on the one side and its
//              canonical bits on the other are the same integer.
// R8 is on the curve, in both. S is below 2^253: S and S + l are both valid, which is harmless where a signature is good
// once only. A must be on the curve and not of small order (see ScalarMulAny) wherever the result counts.
template SignatureOrSecret() {
    signal input {binary} opens;
    signal input secret;
    signal input publicKey[2];
    signal input message;
    signal input r8[2];
    signal input s;
    signal input {binary} blind;   // any: see ScalarMulAny
    signal output fixed[2];
    signal output shared[2];
    signal output {binary} valid;

    BabyCheck()(r8[0], r8[1]);
    signal h <== Poseidon(5)([r8[0], r8[1], publicKey[0], publicKey[1], message]);

    component double[3];
    for (var i = 0; i < 3; i++) {
        double[i] = BabyDbl();
        double[i].x <== i == 0 ? publicKey[0] : double[i - 1].xout;
        double[i].y <== i == 0 ? publicKey[1] : double[i - 1].yout;
    }
    component any = ScalarMulAny();
    any.bits <== CanonicalBits()(h + opens * (secret - h));
    any.point <== [double[2].xout, double[2].yout];
    any.blind <== blind;
    shared <== any.out;

    component sBits = Num2Bits(253);
    sBits.in <== s + opens * (secret - s);
    signal {binary} sBit[253];
    sBit <== sBits.out;
    fixed <== ScalarMulFix()(sBit);

    component right = BabyAdd();
    right.x1 <== r8[0];
    right.y1 <== r8[1];
    right.x2 <== shared[0];
    right.y2 <== shared[1];
    signal sameX <== IsZero()(fixed[0] - right.xout);
    signal sameY <== IsZero()(fixed[1] - right.yout);
    valid <== sameX * sameY;
}
