pragma circom 2.2.0;

include "comparators.circom";
include "poseidon.circom";

// What the chain keeps of a stack's head: 0 of an empty one, else Poseidon(head, salt). One that is not 0 opens to one head
// only, whatever the salt (docs/protocol.md#blinded-heads). Of an empty stack the salt says nothing.
template BlindHead() {
    signal input head;
    signal input salt;
    signal output out;
    signal empty <== IsZero()(head);
    signal hidden <== Poseidon(2)([head, salt]);
    out <== (1 - empty) * hidden;
}
