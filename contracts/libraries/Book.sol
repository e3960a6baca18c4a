// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice The ledger of one asset: see `IVault.Ledger`. Amounts in custody are at most the cap, below 2^64.
struct Book {
    uint64 custody;
    uint64 queued;
    uint64 pending;
    /// `waiting` included.
    uint64 claimable;
    int128 accounts;
    int128 backstop;
    uint128 consumed;
    /// Of withdrawals in full or not at all: since the last checkpoint, part of `pending`; and from before.
    uint64 pendingInFull;
    uint64 waiting;
}

using BookLib for Book global;

/// @title What a ledger's figures say.
library BookLib {
    /// @notice What belongs to accounts and backstop.
    /// @param insuring Cash of insurers that waits; 0 for other assets.
    function free(Book storage book, uint256 insuring) internal view returns (uint256) {
        uint256 bound = uint256(book.pending) + book.claimable + book.queued + insuring;
        return book.custody > bound ? book.custody - bound : 0;
    }

    /// @notice Moves an amount from accounts to the backstop, or back.
    function takeOver(Book storage book, int128 amount) internal {
        (int128 accounts, int128 backstop) = (book.accounts, book.backstop);
        (book.accounts, book.backstop) = (accounts - amount, backstop + amount);
    }

    /// @notice Ends an epoch: its withdrawals become claimable, in full or at `num / den`, rounded down, where those
    /// that ask for all of it wait. What is not paid goes to the backstop.
    /// @param inFull Whether the backstop is not under water: then those that wait are claimable too.
    /// @return cut What went to the backstop.
    function endEpoch(Book storage book, bool inFull, uint256 num, uint256 den) internal returns (uint64 cut) {
        (uint64 pending, uint64 whole) = (book.pending, book.pendingInFull);
        if (pending > 0) {
            cut = inFull ? 0 : pending - whole;
            if (cut > 0) cut -= uint64(cut * num / den);
            book.pending = 0;
            book.claimable += pending - cut;
            if (cut > 0) book.backstop += int128(uint128(cut));
            if (whole > 0) book.pendingInFull = 0;
        }
        if (inFull) {
            if (book.waiting > 0) book.waiting = 0;
        } else if (whole > 0) {
            book.waiting += whole;
        }
    }

    /// @notice Ends all epochs: withdrawals since the last checkpoint are void, those that wait are paid at `num /
    /// den`.
    function close(Book storage book, uint256 num, uint256 den) internal {
        book.accounts += int128(uint128(book.pending));
        book.pending = 0;
        book.pendingInFull = 0;
        uint64 waiting = book.waiting;
        if (waiting == 0) return;
        uint64 cut = waiting - uint64(waiting * num / den);
        book.waiting = 0;
        book.claimable -= cut;
        book.backstop += int128(uint128(cut));
    }
}
