pragma circom 2.2.0;

include "poseidon.circom";

// Ties the circuit's public vector D to the three public signals (docs/protocol.md#public-vectors-and-signals):
//   digest = chained Poseidon(16) over D, 15 elements a link, zero-padded;
//   y      = sum D_i z^i.
// The contract derives z from its own D and the digest, and y from its own D. The digest fixes the circuit's D before
// z is known, so by Schwartz-Zippel the two vectors differ with probability below length / r.
template PublicVector(length) {
    signal input vector[length];
    signal input digest;
    signal input z;
    signal input y;

    var links = (length + 14) \ 15;
    component link[links];
    for (var i = 0; i < links; i++) {
        link[i] = Poseidon(16);
        link[i].inputs[0] <== i == 0 ? 0 : link[i - 1].out;
        for (var j = 0; j < 15; j++) {
            link[i].inputs[j + 1] <== 15 * i + j < length ? vector[15 * i + j] : 0;
        }
    }
    digest === link[links - 1].out;

    signal horner[length];
    horner[length - 1] <== vector[length - 1];
    for (var i = length - 2; i >= 0; i--) {
        horner[i] <== horner[i + 1] * z + vector[i];
    }
    y === horner[0];
}
