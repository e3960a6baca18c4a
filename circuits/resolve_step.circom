pragma circom 2.2.0;

include "poseidon.circom";
include "liquidation.circom";
include "types.circom";
include "gadgets/assert_bit.circom";
include "gadgets/assert_range.circom";
include "gadgets/encrypt_account.circom";
include "gadgets/leaf_hash.circom";
include "gadgets/non_zero_iff.circom";
include "gadgets/stack_push.circom";
include "gadgets/tree_update.circom";

// Takes one leaf out of distress (docs/protocol.md#resolve). When active it enforces:
//  1. just one of three actions, and an action only when active;
//  2. the leaf is the top of the distress stack, and the witness opens it: key = Poseidon(owner, viewKey), meta, balances;
//  3. the account tree holds `current` at the leaf's index. For a drop, current differs from the leaf (it is stale) and
//     the tree stays. For liquidate and refresh, current is the leaf;
//  4. liquidate: the balances change as Liquidation demands. refresh: they stay as they are;
//  5. the new leaf has the same key, index and weights (1..15), the next version (below 2^32), magnitudes below 2^64 and
//     canonical signs. It replaces the old one in the tree, is pushed onto the inbox, and its ciphertext is right.
// An inactive step changes nothing; its private inputs need only satisfy the checks that hold for any account.
// What is published (write*) is 0 for drops and inactive steps, and does not tell a refresh from a liquidation.
template ResolveStep(depth) {
    assert(depth <= 16); // an index below 2^32: meta packs it into 32 bits
    signal input {binary} active;
    signal input liquidate;
    signal input refresh;
    signal input drop;
    signal input insufficient;             // see Liquidation
    signal input multiplier;               // see Liquidation
    input Identity() identity;
    signal input indexBits[2 * depth];     // position in the account tree, low bit first; binary by TreeUpdate
    signal input weightBits[8][4];         // low bit first
    input Balances() balances;
    signal input below;                    // distress head once the leaf is popped
    signal input current;                  // leaf in the account tree at the index
    signal input children[depth][4];       // its path, see TreeUpdate
    input AssetMarks() marks[7];
    signal input minLiability;
    signal input rootBefore;
    signal input distressBefore;
    signal input inboxBefore;
    signal output rootAfter;
    signal output distressAfter;
    signal output inboxAfter;
    signal output backstopDelta[8];
    signal output badDebt;
    signal output writeIndex;
    signal output writeLeaf;
    signal output writeCipher[3];

    // 1. The action.
    signal {binary} liquidateBit <== AssertBit()(liquidate);
    signal {binary} refreshBit <== AssertBit()(refresh);
    signal {binary} dropBit <== AssertBit()(drop);
    liquidateBit + refreshBit + dropBit === active;
    signal write <== liquidateBit + refreshBit;

    // Weights: nibbles, none zero. Their packing is below 2^32.
    signal {binary} weightBit[8][4];
    signal {binary} always <== 1;
    signal weight[8];
    var weights = 0;
    for (var a = 0; a < 8; a++) {
        var nibble = 0;
        for (var i = 0; i < 4; i++) {
            weightBit[a][i] <== AssertBit()(weightBits[a][i]);
            nibble += weightBit[a][i] * (1 << i);
        }
        weight[a] <== nibble;
        NonZeroIff()(weight[a], always);
        weights += nibble * (1 << (4 * a));
    }

    // The version below 2^32 - 1 makes meta's packing unique and leaves room for the next one.
    AssertRange(32)(identity.version);
    NonZeroIff()(identity.version - ((1 << 32) - 1), always);

    // 2. The popped leaf.
    var index = 0;
    for (var i = 0; i < 2 * depth; i++) {
        index += indexBits[i] * (1 << i);
    }
    signal key <== Poseidon(2)([identity.owner, identity.viewKey]);
    signal meta <== identity.version + index * (1 << 32) + weights * (1 << 64);
    signal leaf <== LeafHash()(key, meta, balances);
    signal popped <== StackPush()(below, leaf);
    active * (distressBefore - popped) === 0;
    distressAfter <== distressBefore + active * (below - distressBefore);

    // 4. and the balances of 5.
    component liquidation = Liquidation();
    liquidation.liquidate <== liquidateBit;
    liquidation.insufficient <== insufficient;
    liquidation.multiplier <== multiplier;
    liquidation.before <== balances;
    liquidation.weight <== weight;
    liquidation.marks <== marks;
    liquidation.minLiability <== minLiability;
    backstopDelta <== liquidation.backstopDelta;
    badDebt <== liquidation.badDebt;
    signal newLeaf <== LeafHash()(key, meta + 1, liquidation.after);

    // 3. and the tree of 5. staleInverse is free where the leaf is current.
    signal staleInverse;
    staleInverse <-- current != leaf ? 1 / (current - leaf) : 0;
    signal stale <== (current - leaf) * staleInverse;
    active * (stale - dropBit) === 0;
    write * (current - leaf) === 0;
    component tree = TreeUpdate(depth);
    tree.indexBits <== indexBits;
    tree.before <== current;
    tree.after <== current + write * (newLeaf - current);
    tree.children <== children;
    active * (rootBefore - tree.rootBefore) === 0;
    rootAfter <== rootBefore + active * (tree.rootAfter - rootBefore);

    // 5. The inbox, and what is published.
    signal pushed <== StackPush()(inboxBefore, newLeaf);
    inboxAfter <== inboxBefore + write * (pushed - inboxBefore);
    signal cipher[3] <== EncryptAccount()(identity.viewKey, newLeaf, weights, liquidation.after);
    writeIndex <== write * index;
    writeLeaf <== write * newLeaf;
    for (var i = 0; i < 3; i++) {
        writeCipher[i] <== write * cipher[i];
    }
}
