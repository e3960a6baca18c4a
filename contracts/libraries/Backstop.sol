// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Book} from "./Book.sol";
import {Layout} from "./Layout.sol";

/// @title The backstop: what it holds and owes, what that is worth, and what it gives it back for.
/// @dev Marks as `IRounds.marks` gives them.
library Backstop {
    /// @notice Whether there is anything but cash.
    /// @param count Assets, cash included.
    function hasInventory(Book[8] storage books, uint256 count) internal view returns (bool) {
        for (uint256 a = 1; a < count; ++a) {
            if (books[a].backstop != 0) return true;
        }
        return false;
    }

    /// @notice Worth at the prices that unwinding ends with: what it holds at `sell`, what it owes at `buy`. 2^32
    /// scale.
    function worthLow(Book[8] storage books, uint256 count, uint64[11][7] memory marks)
        internal
        view
        returns (int256 worth)
    {
        worth = int256(books[0].backstop) << 32;
        for (uint256 a = 1; a < count; ++a) {
            int256 held = books[a].backstop;
            if (held != 0) worth += held * int256(uint256(marks[a - 1][held > 0 ? Layout.MARK_SELL : Layout.MARK_BUY]));
        }
    }

    /// @notice The most that an account can trade in this direction.
    /// @param buys Whether the account does.
    function size(Book[8] storage books, uint256 asset, bool buys) internal view returns (uint256) {
        int256 held = asset > 0 && asset < 8 ? books[asset].backstop : int256(0);
        return buys == held > 0 ? uint256(held > 0 ? held : -held) : 0;
    }

    /// @notice From `price` to `sell` (what it offers) or `buy` (what it asks for), in proportion to time.
    /// @param offers Whether the backstop holds the asset.
    function unwindPrice(
        Book[8] storage books,
        uint256 asset,
        bool offers,
        uint256 duration,
        uint64[11][7] memory marks
    )
        internal
        view
        returns (uint256)
    {
        uint256 t = block.timestamp - books[asset].unwindStart;
        if (t > duration) t = duration;
        uint64[11] memory m = marks[asset - 1];
        uint256 price = m[Layout.MARK_PRICE];
        return offers
            ? price - (price - m[Layout.MARK_SELL]) * t / duration
            : price + (m[Layout.MARK_BUY] - price) * t / duration;
    }
}
