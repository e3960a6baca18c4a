pragma circom 2.2.0;

include "babyjub.circom";
include "montgomery.circom";
include "mux3.circom";

// Sum of two different points, neither the other's negative, in Montgomery form: for constants only.
function montgomery_sum(x1, y1, x2, y2) {
    var slope = (y2 - y1) / (x2 - x1);
    var x = slope * slope - 168698 - x1 - x2;
    return [x, slope * (x1 - x) - y1];
}

function montgomery_double(x1, y1) {
    var slope = (3 * x1 * x1 + 2 * 168698 * x1 + 1) / (2 * y1);
    var x = slope * slope - 168698 - 2 * x1;
    return [x, slope * (x1 - x) - y1];
}

// out = k B8, k given by 253 bits, any of them: six constraints a window of three.
//
//   acc = C + sum over windows i = 0 .. 84 of (d_i + 1) 8^i B8, d_i the i-th digit to base 8;
//   out = acc - (C + (8^85 - 1) / 7 B8)
//
// C is the first blind of ScalarMulAny. An addition of this sum that its incomplete formula cannot do would give the
// logarithm of C, so there is a witness for every k. (circomlib's EscalarMulFix has none for some k of 253 bits, and
// whoever makes a forced request chooses k.) The last addition is complete.
template ScalarMulFix() {
    signal input {binary} bits[253];
    signal output out[2];

    // B8, the blind and the correction: twisted Edwards.
    var base[2] = [5299619240641551281634865583518297030282874472190772894086521144482721001553,
                   16950150798460657717958625567821834550301663161624707787222815936182638968203];
    var c[2] = [11898864546895287295505308314580377956863720597394792149401834499533767928638,
                3020713237494590638882027766953544874143553582917225487033859587597115551117];
    var correction[2] = [3903523175761032044569206503462726758546758356701001854185822833973271276449,
                         13100734805469266712366717373951228728011901390148160583245035857083088524829];

    var power[2] = [(1 + base[1]) / (1 - base[1]), (1 + base[1]) / ((1 - base[1]) * base[0])];
    var start[2] = [(1 + c[1]) / (1 - c[1]), (1 + c[1]) / ((1 - c[1]) * c[0])];
    component window[85];
    signal slope[85];
    signal x[85];
    signal y[85];
    for (var i = 0; i < 85; i++) {
        // 1 to 8 times the window's base, of which the last is the next base.
        var multiple[8][2];
        multiple[0] = power;
        multiple[1] = montgomery_double(power[0], power[1]);
        for (var d = 2; d < 8; d++) {
            multiple[d] = montgomery_sum(multiple[d - 1][0], multiple[d - 1][1], power[0], power[1]);
        }
        power = multiple[7];
        window[i] = MultiMux3(2);
        for (var d = 0; d < 8; d++) {
            var entry[2] = multiple[d];
            if (i == 0) {
                entry = montgomery_sum(start[0], start[1], multiple[d][0], multiple[d][1]);
            }
            window[i].c[0][d] <== entry[0];
            window[i].c[1][d] <== entry[1];
        }
        for (var b = 0; b < 3; b++) {
            window[i].s[b] <== 3 * i + b < 253 ? bits[3 * i + b] : 0;
        }
        if (i == 0) {
            slope[i] <== 0;
            x[i] <== window[i].out[0];
            y[i] <== window[i].out[1];
        } else {
            slope[i] <-- (window[i].out[1] - y[i - 1]) / (window[i].out[0] - x[i - 1]);
            slope[i] * (window[i].out[0] - x[i - 1]) === window[i].out[1] - y[i - 1];
            x[i] <== slope[i] * slope[i] - 168698 - x[i - 1] - window[i].out[0];
            y[i] <== slope[i] * (x[i - 1] - x[i]) - y[i - 1];
        }
    }

    signal sum[2] <== Montgomery2Edwards()([x[84], y[84]]);
    component corrected = BabyAdd();
    corrected.x1 <== sum[0];
    corrected.y1 <== sum[1];
    corrected.x2 <== correction[0];
    corrected.y2 <== correction[1];
    out[0] <== corrected.xout;
    out[1] <== corrected.yout;
}
