pragma circom 2.2.0;

include "poseidon.circom";

// above = Poseidon(below, leaf). Read backwards it is a pop: a head opens to one leaf and one head below it only.
// No pop from an empty stack exists, for head 0 has no known preimage.
template StackPush() {
    signal input below;
    signal input leaf;
    signal output above;
    component hash = Poseidon(2);
    hash.inputs[0] <== below;
    hash.inputs[1] <== leaf;
    above <== hash.out;
}
