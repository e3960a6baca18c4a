// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEscape} from "../interfaces/IEscape.sol";
import {IForced} from "../interfaces/IForced.sol";
import {IInsurance} from "../interfaces/IInsurance.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Book} from "../libraries/Book.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Layout} from "../libraries/Layout.sol";
import {Custody} from "./Custody.sol";
import {Deposits} from "./Deposits.sol";
import {Withdrawals} from "./Withdrawals.sol";

/// @title The vault; see `IVault` for what each function promises.
/// @dev Tokens and their books are `Custody`'s; here is what settlements, checkpoints and a freeze do with them.
contract Vault is Deposits, Withdrawals {
    using Lanes for uint64[7];
    using Lanes for uint256[2];

    /// @dev 2^32: the price of cash.
    uint256 private constant ONE = 1 << 32;

    address private immutable DEPLOYER;

    /// @inheritdoc IVault
    uint256 public badDebt;

    /// @param assets Assets 0, 1, ... as `Rounds` numbers them.
    constructor(Config memory c, AssetConfig[] memory assets)
        Custody(IRounds(c.rounds), assets)
        Deposits(c.depositDelay, c.depositSpacing, c.openingFee)
    {
        DEPLOYER = msg.sender;
    }

    /// @inheritdoc IVault
    function bind(
        address settlement_,
        address forced_,
        address insurance_,
        address escape_,
        address market_
    ) external {
        if (msg.sender != DEPLOYER) revert NotDeployer();
        if (settlement != address(0)) revert AlreadyBound();
        if (ISettlement(settlement_).vault() != address(this)) revert InvalidConfig("settlement");
        if (IForced(forced_).vault() != address(this)) revert InvalidConfig("forced");
        if (IInsurance(insurance_).vault() != address(this)) revert InvalidConfig("insurance");
        IEscape.Config memory e = IEscape(escape_).config();
        if (
            e.vault != address(this) || e.settlement != settlement_ || e.forced != forced_ || e.insurance != insurance_
        ) {
            revert InvalidConfig("escape");
        }
        if (ROUNDS.settlement() != settlement_) revert InvalidConfig("rounds");
        // Which has seen that it names this contract.
        if (ROUNDS.market() != market_) revert InvalidConfig("market");
        settlement = settlement_;
        forced = forced_;
        insurance = insurance_;
        escape = escape_;
        market = market_;
        _record.root = ISettlement(settlement_).accountsRoot();
        _record.timestamp = uint40(block.timestamp);
        emit Bound(settlement_, forced_, insurance_, escape_, market_);
    }

    /// @inheritdoc IVault
    function applySteps(uint256[] calldata steps, uint256 active) external onlySettlement live nonReentrant {
        for (uint256 i = 0; i < active; ++i) {
            uint256[] calldata step = steps[Layout.STEP * i:Layout.STEP * (i + 1)];
            uint256 op = step[Layout.STEP_OP];
            if (op == Layout.OP_OPEN || op == Layout.OP_TOPUP || op == Layout.OP_BOUNCE) {
                _consume(i, op, step);
            } else if (op == Layout.OP_WITHDRAW) {
                _withdraw(step);
            } else if (op == Layout.OP_FORCED || op == Layout.OP_DISCHARGE) {
                _serve(op, step);
                if (op == Layout.OP_FORCED) _withdraw(step);
            } else if (op == Layout.OP_UNWIND) {
                _unwind(i, step);
            } else if (op == Layout.OP_CLOSE || op == Layout.OP_DISCHARGE_CLOSE) {
                _close(step);
            }
        }
    }

    /// @inheritdoc IVault
    function liquidated(int256[8] calldata delta, uint256 badDebt_) external onlySettlement live nonReentrant {
        if (badDebt_ > 0) badDebt += badDebt_;
        for (uint256 a = 0; a < 8; ++a) {
            if (delta[a] == 0) continue;
            _books[a].takeOver(int128(delta[a]));
            if (a > 0 && a < ASSETS) IMarket(market).changed(a, delta[a], true);
        }
    }

    /// @inheritdoc IVault
    /// @dev The withdrawals of the epoch, and those that wait, are part of the value that the ratio shares out, so it
    /// is exactly what those who stay would get from an escape: while the backstop is under water, leaving early gains
    /// nothing.
    function checkpoint(uint256 root) external onlySettlement live nonReentrant {
        (,, uint64[7] memory prices) = ROUNDS.round();
        uint256 epoch = _record.epoch;
        (int256 equity, uint256 value) = _worth(prices);
        (uint256 num, uint256 den) = (1, 1);
        if (equity < 0) (num, den) = _cut(epoch, prices, equity, value);
        for (uint256 a = 0; a < ASSETS; ++a) {
            uint64 cut = _books[a].endEpoch(equity >= 0, num, den);
            if (cut > 0 && a > 0) IMarket(market).changed(a, int256(uint256(cut)), false);
        }
        if (equity >= 0) _insure(equity);
        _store(root, prices, epoch + 1, equity >= 0);
        emit Checkpointed(epoch + 1, root, _record.round, _record.deposits, num, den);
        IEscape(escape).onCheckpoint();
    }

    /// @inheritdoc IVault
    function setTerms(
        uint32 depositDelay,
        uint32 depositSpacing,
        uint96 openingFee,
        uint64[8] calldata caps
    ) external onlyGovernance {
        _clocks = Clocks(depositDelay, depositSpacing, openingFee);
        for (uint256 a = 0; a < ASSETS; ++a) {
            _assets[a].cap = caps[a];
        }
    }

    /// @inheritdoc IVault
    function freeze() external onlyEscape live nonReentrant returns (uint64[8] memory holdings) {
        frozen = true;
        uint256 epoch = _record.epoch;
        (uint256 num, uint256 den) = epoch == 0 ? (1, 1) : ratio(epoch - 1);
        for (uint256 a = 0; a < ASSETS; ++a) {
            if (address(_assets[a].token) == address(0)) continue;
            Book storage book = _books[a];
            book.close(num, den);
            // Deposits since then are refunds, whether consumed or not.
            uint256 others = uint256(book.claimable) + book.queued + (book.consumed - _record.consumed[a]);
            if (a == 0) others += insuring;
            holdings[a] = book.custody > others ? uint64(book.custody - others) : 0;
        }
        emit FrozenAt(epoch);
    }

    /// @inheritdoc IVault
    function lastCheckpoint() external view returns (Checkpoint memory) {
        Recorded memory r = _record;
        return Checkpoint(
            r.root, r.prices.unpack(), r.round, r.timestamp, r.deposits, r.epoch, r.equity, r.value, r.consumed
        );
    }

    /// @inheritdoc IVault
    function epochs() external view returns (uint256) {
        return _record.epoch;
    }

    /// @inheritdoc IVault
    function checkpointedAt() external view returns (uint256) {
        return _record.timestamp;
    }

    /// @inheritdoc IVault
    function config() external view returns (Config memory) {
        return Config({
            rounds: address(ROUNDS),
            depositDelay: _clocks.depositDelay,
            depositSpacing: _clocks.depositSpacing,
            openingFee: _clocks.openingFee
        });
    }

    function _serve(uint256 op, uint256[] calldata step) private {
        IForced(forced).consume(
            op,
            step[Layout.STEP_INDEX],
            step[Layout.STEP_ASSET],
            step[Layout.STEP_AMOUNT],
            step[Layout.STEP_U],
            step[Layout.STEP_V],
            step[Layout.STEP_LEAF],
            step[Layout.STEP_CIPHER],
            step[Layout.STEP_CIPHER + 1],
            step[Layout.STEP_CIPHER + 2]
        );
    }

    /// @dev y / x against the prices of this second, on the side that is better for the backstop.
    function _unwind(uint256 number, uint256[] calldata step) private {
        (uint256 asset, uint256 x, uint256 y, bool buys) =
            (step[Layout.STEP_ASSET], step[Layout.STEP_AMOUNT], step[Layout.STEP_U], step[Layout.STEP_V] == 1);
        IMarket(market).unwind(number, asset, x, y, buys);
        int128 dx = int128(uint128(x));
        int128 dy = int128(uint128(y));
        if (!buys) (dx, dy) = (-dx, -dy);
        _books[asset].takeOver(-dx);
        _books[0].takeOver(dy);
        emit Unwound(uint8(asset), buys ? 1 : 0, uint64(x), uint64(y));
    }

    /// @dev What the backstop takes is a lot like any other.
    function _close(uint256[] calldata step) private {
        (uint256 asset, int128 units, int128 cash) = IForced(forced).consumeClose(step);
        if (units == 0) return;
        _books[asset].takeOver(units);
        _books[0].takeOver(cash);
        IMarket(market).changed(asset, units, true);
    }

    function _priceOf(uint64[7] memory prices, uint256 asset) private pure returns (uint256) {
        return asset == 0 ? ONE : prices[asset - 1];
    }

    /// @return equity Of the backstop.
    /// @return value Of accounts and backstop: what is in custody for them, as synthetics cancel.
    function _worth(uint64[7] memory prices) private view returns (int256 equity, uint256 value) {
        for (uint256 a = 0; a < ASSETS; ++a) {
            uint256 price = _priceOf(prices, a);
            equity += int256(price) * _books[a].backstop;
            if (address(_assets[a].token) != address(0)) value += price * free(uint8(a));
        }
    }

    /// @dev The ratio of an epoch that ends under water. What it takes off withdrawals is owed, in cash.
    /// @param value Of accounts and backstop.
    function _cut(uint256 epoch, uint64[7] memory prices, int256 equity, uint256 value)
        private
        returns (uint256 num, uint256 den)
    {
        uint256 cut;
        uint256 whole;
        for (uint256 a = 0; a < ASSETS; ++a) {
            Book storage book = _books[a];
            (uint256 price, uint256 inFull) = (_priceOf(prices, a), book.pendingInFull);
            cut += price * (book.pending - inFull);
            whole += price * (inFull + book.waiting);
        }
        num = value + cut + whole;
        den = num + uint256(-equity);
        _ratios[epoch] = Ratio(num, den);
        // Values are below 2^126: the sum of seven of 2^60 times 2^63.
        uint256 owed = (cut - (cut * num + den - 1) / den) >> 32;
        if (owed > 0) IInsurance(insurance).onCut(epoch, cut, owed, prices);
    }

    function _insure(int256 equity) private {
        Book storage cash = _books[0];
        (uint64 converted, uint64 paid) = IInsurance(insurance).onCheckpoint(equity, cash.backstop, free(0));
        if (converted == 0 && paid == 0) return;
        insuring -= converted;
        cash.backstop = cash.backstop + int128(uint128(converted)) - int128(uint128(paid));
        cash.claimable += paid;
    }

    function _store(uint256 root, uint64[7] memory prices, uint256 epoch, bool sound) private {
        Recorded storage r = _record;
        r.root = root;
        r.prices = prices.pack();
        r.round = uint40(ROUNDS.roundNumber());
        r.timestamp = uint40(block.timestamp);
        r.deposits = _queue.first;
        r.epoch = uint40(epoch);
        if (sound) r.sound = uint40(epoch);
        (r.equity, r.value) = _worth(prices);
        for (uint256 a = 0; a < ASSETS; ++a) {
            uint128 consumed = _books[a].consumed;
            if (r.consumed[a] != consumed) r.consumed[a] = consumed;
        }
    }
}
