pragma circom 2.2.0;

include "babyjub.circom";
include "montgomery.circom";

// out = k point, k given by 254 bits, for a point of BabyJubJub's subgroup of prime order l other than the identity.
// Six constraints a bit, on the Montgomery form y^2 = x^3 + 168698 x^2 + x:
//
//   acc = C + P;  for i = 253 .. 1: acc = (acc + s P) + acc, s = 2 bit_i - 1;  so acc = 2^253 C + (k | 1) P
//
// of which 2^253 C is taken off in the end, and P where bit_0 is 0. The middle sum's y is never needed: with slopes l1 (from
// acc to s P) and l2 (from the middle to acc), (l1 + l2) (x - x_middle) = 2 y.
//
// Soundness. These additions are incomplete: where acc = +-P, or the middle is -acc, a slope is free or does not exist. Both
// mean 2^i C = rho P for a rho that follows from k. C is one of two points hashed to the subgroup ("plimsoll.blind.0", ".1"
// in protocol/curve.ts), of which nobody knows a logarithm. Whoever knows the logarithm of P, as the owner of an honest key
// does, never gets there: it would have that of C. But someone may make its key from C itself, P = rho C, and demand that a
// proof be made about it. Therefore `blind` chooses C: no key hits both, for that would be a relation between them, so
// every key has a witness. Where such a key leaves a slope free, the prover can forge a signature for it: one that nobody
// can make, since nobody knows the key's secret.
template ScalarMulAny() {
    signal input {binary} bits[254];
    signal input point[2];            // twisted Edwards
    signal input {binary} blind;
    signal output out[2];

    var c[2][2] = [
        [11898864546895287295505308314580377956863720597394792149401834499533767928638,
         3020713237494590638882027766953544874143553582917225487033859587597115551117],
        [1221375045329945612045842156433912865210694693191982895293293170200195670856,
         7363454687893072223480230898096898626169667501382718753514675713710217263822]
    ];
    // -2^253 C
    var correction[2][2] = [
        [19429606786319469227184486458223994563386549416741515925324017964141352340562,
         187366875046741691872067689756814979094677095786190830316739386695426429703],
        [16692524593933004681656152763470304444936336732545471919345634237799396833791,
         4028428707476412189316489213360553901924381591578251434236612626458589700865]
    ];

    component start = BabyAdd();
    start.x1 <== c[0][0] + blind * (c[1][0] - c[0][0]);
    start.y1 <== c[0][1] + blind * (c[1][1] - c[0][1]);
    start.x2 <== point[0];
    start.y2 <== point[1];
    signal p[2] <== Edwards2Montgomery()(point);
    signal acc[2] <== Edwards2Montgomery()([start.xout, start.yout]);

    signal addend[253];   // y of s P
    signal l1[253];
    signal middle[253];
    signal l2[253];
    signal x[254];
    signal y[254];
    x[0] <== acc[0];
    y[0] <== acc[1];
    for (var j = 0; j < 253; j++) {
        addend[j] <== (2 * bits[253 - j] - 1) * p[1];
        l1[j] <-- (addend[j] - y[j]) / (p[0] - x[j]);
        l1[j] * (p[0] - x[j]) === addend[j] - y[j];
        middle[j] <== l1[j] * l1[j] - 168698 - x[j] - p[0];
        l2[j] <-- 2 * y[j] / (x[j] - middle[j]) - l1[j];
        (l1[j] + l2[j]) * (x[j] - middle[j]) === 2 * y[j];
        x[j + 1] <== l2[j] * l2[j] - 168698 - x[j] - middle[j];
        y[j + 1] <== l2[j] * (x[j] - x[j + 1]) - y[j];
    }

    signal odd[2] <== Montgomery2Edwards()([x[253], y[253]]);
    component unblinded = BabyAdd();
    unblinded.x1 <== odd[0];
    unblinded.y1 <== odd[1];
    unblinded.x2 <== correction[0][0] + blind * (correction[1][0] - correction[0][0]);
    unblinded.y2 <== correction[0][1] + blind * (correction[1][1] - correction[0][1]);
    component even = BabyAdd();
    even.x1 <== unblinded.xout;
    even.y1 <== unblinded.yout;
    even.x2 <== (1 - bits[0]) * -point[0];
    even.y2 <== 1 + (1 - bits[0]) * (point[1] - 1);
    out[0] <== even.xout;
    out[1] <== even.yout;
}
