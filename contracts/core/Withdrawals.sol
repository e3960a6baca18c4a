// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IVault} from "../interfaces/IVault.sol";
import {Book} from "../libraries/Book.sol";
import {Layout} from "../libraries/Layout.sol";
import {PackedWithdrawal} from "../libraries/PackedWithdrawal.sol";
import {Custody} from "./Custody.sol";

/// @title The vault's withdrawals, from a settlement to a claim; see `IVault`.
abstract contract Withdrawals is Custody {
    using PackedWithdrawal for uint256;
    using SafeERC20 for IERC20;

    /// @dev Of an epoch that ended with the backstop under water; all others pay in full.
    struct Ratio {
        uint256 num;
        uint256 den;
    }

    /// @dev As `PackedWithdrawal`.
    uint256[] private _withdrawals;
    /// @dev Of withdrawals for whose epoch a word has no room.
    mapping(uint256 withdrawalId => uint256) private _lateEpochs;
    mapping(uint256 epoch => Ratio) internal _ratios;

    /// @inheritdoc IVault
    function claim(uint256 withdrawalId) external nonReentrant {
        uint256 w = _withdrawal(withdrawalId);
        if (w.claimed()) revert AlreadyClaimed(withdrawalId);
        (uint256 num, uint256 den) = payout(withdrawalId);
        if (den == 0) revert NotCheckpointed(withdrawalId);
        _withdrawals[withdrawalId] = w | PackedWithdrawal.CLAIMED;
        uint8 asset = w.asset();
        (uint64 paid, uint256 tokenAmount) = _assets[asset].scale.payableDown(uint64(uint256(w.amount()) * num / den));
        Book storage book = _books[asset];
        book.claimable -= paid;
        book.custody -= paid;
        emit Claimed(withdrawalId, tokenAmount);
        _assets[asset].token.safeTransfer(w.recipient(), tokenAmount);
    }

    /// @inheritdoc IVault
    function withdrawal(uint256 id) external view returns (Withdrawal memory) {
        uint256 w = _withdrawal(id);
        return Withdrawal(w.recipient(), w.asset(), w.amount(), uint64(_epochOf(id, w)), w.claimed(), w.inFull());
    }

    /// @inheritdoc IVault
    function payout(uint256 id) public view returns (uint256 num, uint256 den) {
        uint256 w = _withdrawal(id);
        uint256 epoch = _epochOf(id, w);
        if (!w.inFull()) return ratio(epoch);
        uint256 ended = _record.epoch;
        if (epoch < _record.sound) return (1, 1);
        // Nothing waits any longer then.
        if (frozen && epoch < ended) return ratio(ended - 1);
    }

    /// @inheritdoc IVault
    function withdrawalCount() external view returns (uint256) {
        return _withdrawals.length;
    }

    /// @inheritdoc IVault
    function ratio(uint256 epoch) public view returns (uint256 num, uint256 den) {
        if (epoch >= _record.epoch) return (0, 0);
        (num, den) = (_ratios[epoch].num, _ratios[epoch].den);
        if (den == 0) (num, den) = (1, 1);
    }

    function _withdraw(uint256[] calldata step) internal {
        (uint256 asset, uint256 amount, uint256 extra) =
            (step[Layout.STEP_ASSET], step[Layout.STEP_AMOUNT], step[Layout.STEP_U]);
        requireWithdrawable(asset, amount);
        if (extra.recipient() == address(0) || extra > type(uint160).max | PackedWithdrawal.IN_FULL) {
            revert BadRecipient(extra);
        }
        _requireFree(asset, amount);
        Book storage book = _books[asset];
        book.accounts -= int128(uint128(amount));
        book.pending += uint64(amount);
        bool inFull = extra.inFull();
        if (inFull) book.pendingInFull += uint64(amount);
        (uint256 id, uint256 epoch) = (_withdrawals.length, _record.epoch);
        emit WithdrawalPending(
            id, step[Layout.STEP_INDEX], extra.recipient(), uint8(asset), uint64(amount), epoch, inFull
        );
        _withdrawals.push(PackedWithdrawal.pack(extra, asset, amount, epoch));
        if (epoch >= PackedWithdrawal.EPOCH_END) _lateEpochs[id] = epoch;
    }

    function _withdrawal(uint256 id) private view returns (uint256) {
        if (id >= _withdrawals.length) revert UnknownWithdrawal(id);
        return _withdrawals[id];
    }

    function _epochOf(uint256 id, uint256 w) private view returns (uint256 epoch) {
        epoch = w.epoch();
        if (epoch == PackedWithdrawal.EPOCH_END) epoch = _lateEpochs[id];
    }
}
