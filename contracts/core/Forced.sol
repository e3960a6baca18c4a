// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

import {IForced} from "../interfaces/IForced.sol";
import {BabyJubJub} from "../libraries/BabyJubJub.sol";
import {Layout} from "../libraries/Layout.sol";
import {PackedWithdrawal} from "../libraries/PackedWithdrawal.sol";
import {Parameters, RiskParameters} from "../libraries/RiskParameters.sol";
import {ForcedQueue} from "./ForcedQueue.sol";

/// @title The forced requests, withdrawals and closes; see `IForced` for what each function promises.
contract Forced is ForcedQueue {
    constructor(Config memory c) ForcedQueue(c) {}

    /// @inheritdoc IForced
    function submit(
        uint64 number,
        uint8 asset,
        uint64 amount,
        address recipient,
        uint40 expiry,
        uint256[2] calldata r8,
        uint256 s,
        bool inFull
    ) external live {
        Request storage request_ = _reserved(number);
        VAULT.requireWithdrawable(asset, amount);
        if (recipient == address(0)) revert BadRecipient(0);
        if (inFull) request_.inFull = true;
        request_.recipient = recipient;
        uint40 deadline = _file(number, request_, asset, amount, expiry, r8, s);
        emit Submitted(number, request_.index, asset, amount, recipient, expiry, r8, s, inFull, deadline);
    }

    /// @inheritdoc IForced
    function submitClose(
        uint64 number,
        uint8 asset,
        bool buys,
        uint64 amount,
        uint64 limit,
        uint40 expiry,
        uint256[2] calldata r8,
        uint256 s
    ) external live {
        Request storage request_ = _reserved(number);
        _requireSynthetic(asset);
        if (amount == 0) revert AmountZero();
        uint256 most = closeMost(asset);
        if (amount > most) revert BeyondDepth(amount, most);
        (request_.closes, request_.buys, request_.limit) = (true, buys, limit);
        uint40 deadline = _file(number, request_, asset, amount, expiry, r8, s);
        emit CloseSubmitted(number, request_.index, asset, buys, amount, limit, expiry, r8, s, deadline);
    }

    /// @inheritdoc IForced
    function consume(
        uint256 op,
        uint256 index,
        uint256 asset,
        uint256 amount,
        uint256 recipient,
        uint256 number,
        uint256 r8x,
        uint256 r8y,
        uint256 s,
        uint256 expiry
    ) external {
        if (msg.sender != address(VAULT)) revert NotVault();
        if (number > type(uint64).max) revert WrongRequest(number);
        Request storage request_ = _requests[uint64(number)];
        if (
            request_.state != State.Pending || request_.closes || index != request_.index || asset != request_.asset
                || amount != request_.amount || recipient != _extra(request_)
        ) revert WrongRequest(number);
        if (block.timestamp > request_.expiry) revert RequestExpired(number);
        if (op == Layout.OP_DISCHARGE) {
            if (_signatureHash(r8x, r8y, s) != request_.signatureHash || expiry != request_.expiry) {
                revert WrongRequest(number);
            }
            // Not against marks that the requester could not yet have known to be in force.
            if (ROUNDS.roundNumber() <= request_.round) revert NoFreshRound();
            _discharge(uint64(number), request_);
        } else {
            _serve(uint64(number), request_);
        }
    }

    /// @inheritdoc IForced
    function consumeClose(uint256[] calldata step)
        external
        returns (uint256 asset, int128 units, int128 cash)
    {
        if (msg.sender != address(VAULT)) revert NotVault();
        uint256 number = step[Layout.STEP_V];
        if (number > type(uint64).max) revert WrongRequest(number);
        Request storage request_ = _requests[uint64(number)];
        // The asset, from bit 3 the direction, from bit 4 the units, from bit 68 the cash: protocol/forced-close.ts.
        uint256 word = step[Layout.STEP_ASSET];
        asset = word & 7;
        bool buys = word >> 3 & 1 == 1;
        if (
            request_.state != State.Pending || !request_.closes || step[Layout.STEP_INDEX] != request_.index
                || asset != request_.asset || buys != request_.buys || step[Layout.STEP_AMOUNT] != request_.amount
                || step[Layout.STEP_U] != request_.limit
        ) revert WrongRequest(number);
        if (block.timestamp > request_.expiry) revert RequestExpired(number);
        // Neither is traded, nor judged, at marks that were known when it was filed.
        if (ROUNDS.roundNumber() <= request_.round) revert NoFreshRound();
        bool discharged = step[Layout.STEP_OP] == Layout.OP_DISCHARGE_CLOSE;
        uint64 traded = uint64(word >> 4);
        if (!_takes(request_, discharged ? request_.amount : traded)) revert NotCloseable(number);
        if (discharged) {
            bytes22 hash =
                _signatureHash(step[Layout.STEP_LEAF], step[Layout.STEP_CIPHER], step[Layout.STEP_CIPHER + 1]);
            if (
                hash != request_.signatureHash || step[Layout.STEP_CIPHER + 2] != request_.expiry || word >> 4 != 0
            ) revert WrongRequest(number);
            _discharge(uint64(number), request_);
        } else {
            _serve(uint64(number), request_);
            (units, cash) = (int128(uint128(traded)), int128(uint128(uint64(word >> 68))));
            if (buys) units = -units;
            else cash = -cash;
        }
    }

    /// @inheritdoc IForced
    function requeue(uint64 number) external payable live {
        uint256 fee = _clocks.forcedFee;
        if (msg.value != fee) revert WrongFee(fee);
        Request storage request_ = _pending(number);
        if (request_.deadline >= ROUNDS.forcedTime()) revert NotDue(number);
        if (request_.closes) {
            if (_takes(request_, request_.amount)) revert Closeable(number);
        } else {
            uint256 free = VAULT.free(request_.asset);
            if (request_.amount <= free) revert FreeCustodySuffices(free);
        }
        uint40 deadline = _nextDeadline();
        // Nobody who moves the end of the queue can end another's request: it stays where it is until it has expired.
        uint256 earliest = _expiryAfter(deadline);
        if (request_.expiry < earliest) revert ExpiryTooSoon(earliest);
        _enqueue(number, request_, deadline);
        emit Requeued(number, deadline);
        advance();
        _burn(fee);
    }

    /// @inheritdoc IForced
    function overdue(uint64 number) external view returns (bool late, uint40 deadline) {
        Request storage request_ = _requests[number];
        deadline = request_.deadline;
        if (!_servable(request_) || deadline >= ROUNDS.forcedTime()) return (false, deadline);
        late = request_.closes ? _takes(request_, request_.amount) : request_.amount <= VAULT.free(request_.asset);
    }

    /// @inheritdoc IForced
    function closeMost(uint256 asset) public view returns (uint256) {
        Parameters memory p = ROUNDS.parameters(asset);
        return 2 * uint256(p.penalty) * p.depth / RiskParameters.ONE;
    }

    function _requireSynthetic(uint8 asset) private view {
        if (asset == 0 || asset > ROUNDS.assetCount()) revert NotSynthetic(asset);
        (address token,,,,,) = VAULT.assetInfo(asset);
        if (token != address(0)) revert NotSynthetic(asset);
    }

    /// @dev Whether the backstop takes a forced close of so many units: it was not under water at the last checkpoint,
    /// the asset has a price, and the backstop's position does not grow beyond `2 penalty depth`.
    function _takes(Request storage request_, uint256 units) private view returns (bool) {
        uint8 asset = request_.asset;
        if (VAULT.lastCheckpoint().equity < 0 || ROUNDS.sale(asset).held) return false;
        int256 before = VAULT.ledger(asset).backstop;
        int256 afterwards = request_.buys ? before - int256(units) : before + int256(units);
        return SignedMath.abs(afterwards) <= Math.max(closeMost(asset), SignedMath.abs(before));
    }

    /// @dev The common end of what files a request that its reserver may.
    /// @return deadline Its deadline.
    function _file(
        uint64 number,
        Request storage request_,
        uint8 asset,
        uint64 amount,
        uint40 expiry,
        uint256[2] calldata r8,
        uint256 s
    ) private returns (uint40 deadline) {
        if (!BabyJubJub.isCanonical(r8[0], r8[1]) || !BabyJubJub.isOnCurve(r8[0], r8[1]) || s >= BabyJubJub.L) {
            revert BadSignatureForm();
        }
        deadline = _nextDeadline();
        uint256 earliest = _expiryAfter(deadline) + _clocks.expirySlack;
        if (expiry < earliest) revert ExpiryTooSoon(earliest);

        request_.state = State.Pending;
        request_.asset = asset;
        request_.amount = amount;
        request_.expiry = expiry;
        request_.round = uint40(ROUNDS.roundNumber());
        request_.signatureHash = _signatureHash(r8[0], r8[1], s);
        _enqueue(number, request_, deadline);
    }

    function _serve(uint64 number, Request storage request_) private {
        _finish(number, request_, State.Served);
        nativeCredits[request_.requester] += BOND;
        emit Served(number);
    }

    /// @dev A hold bears on margins, hence on withdrawals. A close asks for none, and its own asset has a price here:
    /// were it not discharged while the clock stands, one that had to wait before would be overdue without a remedy.
    function _discharge(uint64 number, Request storage request_) private {
        if (!request_.closes && ROUNDS.forcedStands()) revert ClockStands();
        // What it asked for may have been allowed when it was filed: initial margins were tightened since, or an asset
        // was held.
        bool back = ROUNDS.tightenedAt() > request_.round;
        _finish(number, request_, State.Discharged);
        emit Discharged(number);
        if (back) nativeCredits[request_.requester] += BOND;
        else _burn(BOND);
    }

    /// @dev What the owner signed: the recipient and, above it, whether the withdrawal is in full only.
    function _extra(Request storage request_) private view returns (uint256) {
        return uint160(request_.recipient) | (request_.inFull ? PackedWithdrawal.IN_FULL : 0);
    }

    function _signatureHash(uint256 r8x, uint256 r8y, uint256 s) private pure returns (bytes22) {
        return bytes22(keccak256(abi.encode(r8x, r8y, s)));
    }
}
