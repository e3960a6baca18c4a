// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";

import {ISettlement} from "./ISettlement.sol";
import {IVerifier} from "./IVerifier.sol";
import {Lanes} from "./Lanes.sol";
import {Marks} from "./Marks.sol";
import {PublicVector} from "./PublicVector.sol";
import {Parameters, RiskParameters} from "./RiskParameters.sol";

/// @title The settlement contract; see `ISettlement` for what each function promises.
/// @dev Every call to another contract (feeds, verifiers) is a static call: there is nothing to re-enter.
contract Settlement is ISettlement {
    using Lanes for uint64[7];
    using Lanes for uint256[2];

    /// @dev Bound on the size of a batch's backstop deltas and bad debt: their sums never overflow.
    uint256 private constant DELTA_END = 1 << 127;
    /// @dev Slots below this one have no envelope.
    uint256 private constant FIRST_ENVELOPE = 2;

    struct Status {
        uint64 round;
        uint56 timestamp;
        bool imported;
        /// Bit s: slot s may be in a window. Slots 0 and 1 always may.
        uint64 opened;
        /// Bit s: the stack of slot s is not empty.
        uint64 occupied;
    }

    struct Envelope {
        uint256[2] floors;
        uint256[2] ceilings;
    }

    struct Asset {
        address feed;
        uint8 feedDecimals;
        uint8 decimals;
        uint32 heartbeat;
        /// When the pending parameters may be applied; 0: none are pending.
        uint48 readyAt;
        Parameters active;
        Parameters pending;
    }

    address private immutable ADMIN;
    address private immutable OPERATOR;
    IVerifier private immutable SWEEP;
    IVerifier private immutable RESOLVE;
    uint256 private immutable SWEEP_STEPS;
    uint256 private immutable SWEEP_WINDOW;
    uint256 private immutable RESOLVE_STEPS;
    uint8 private immutable CASH_DECIMALS;
    uint64 private immutable MIN_LIABILITY;
    uint8 private immutable SLOTS;
    uint32 private immutable PROVING_TIME;
    uint32 private immutable ROUND_MIN;
    uint32 private immutable ROUND_SHORT;
    uint32 private immutable MAX_AGE;
    uint32 private immutable GRACE;
    uint32 private immutable PARAMETER_DELAY;
    /// @inheritdoc ISettlement
    uint256 public immutable assetCount;
    /// @inheritdoc ISettlement
    uint256 public immutable deployedAt;

    Status private _status;
    /// @inheritdoc ISettlement
    uint256 public accountsRoot;
    uint256[64] private _heads;
    Envelope[64] private _envelopes;
    uint256[2] private _prices;
    Asset[8] private _assets;
    int256[8] private _backstop;
    /// @inheritdoc ISettlement
    uint256 public badDebt;

    modifier onlyAdmin() {
        if (msg.sender != ADMIN) revert NotAdmin();
        _;
    }

    modifier onlyOperator() {
        if (msg.sender != OPERATOR) revert NotOperator();
        _;
    }

    modifier knownAsset(uint256 asset) {
        if (asset == 0 || asset > assetCount) revert UnknownAsset(asset);
        _;
    }

    /// @param assets Assets 1, 2, ... in order; the others are unused, with marks of 0.
    constructor(Config memory c, AssetConfig[] memory assets) {
        if (c.admin == address(0)) revert InvalidConfig("admin");
        if (c.operator == address(0)) revert InvalidConfig("operator");
        if (c.cashDecimals > 8) revert InvalidConfig("cashDecimals");
        if (c.slots <= FIRST_ENVELOPE || c.slots > 64) revert InvalidConfig("slots");
        if (c.provingTime >= c.roundMin) revert InvalidConfig("provingTime");
        if (c.roundShort >= c.roundMin) revert InvalidConfig("roundShort");
        if (c.roundMin >= c.maxAge) revert InvalidConfig("roundMin");
        if (c.maxAge >= c.grace) revert InvalidConfig("maxAge");
        if (assets.length == 0 || assets.length > 7) revert InvalidConfig("assets");

        ADMIN = c.admin;
        OPERATOR = c.operator;
        CASH_DECIMALS = c.cashDecimals;
        MIN_LIABILITY = c.minLiability;
        SLOTS = c.slots;
        PROVING_TIME = c.provingTime;
        ROUND_MIN = c.roundMin;
        ROUND_SHORT = c.roundShort;
        MAX_AGE = c.maxAge;
        GRACE = c.grace;
        PARAMETER_DELAY = c.parameterDelay;

        SWEEP = IVerifier(c.sweepVerifier);
        SWEEP_STEPS = SWEEP.steps();
        SWEEP_WINDOW = SWEEP.window();
        if (SWEEP_STEPS == 0 || SWEEP_WINDOW < 2 || SWEEP_WINDOW > c.slots) revert InvalidConfig("sweepVerifier");
        RESOLVE = IVerifier(c.resolveVerifier);
        RESOLVE_STEPS = RESOLVE.steps();
        if (RESOLVE_STEPS == 0 || RESOLVE.window() != 0) revert InvalidConfig("resolveVerifier");

        assetCount = assets.length;
        deployedAt = block.number;
        _status.opened = 3;
        for (uint256 i = 0; i < assets.length; ++i) {
            _addAsset(i + 1, assets[i]);
        }
    }

    /// @inheritdoc ISettlement
    function genesis(uint256 root, uint256 inboxHead, uint256[] calldata leaves) external onlyOperator {
        if (_status.imported) revert GenesisDone();
        if (root >= PublicVector.R || inboxHead >= PublicVector.R) revert InvalidConfig("genesis");
        _status.imported = true;
        accountsRoot = root;
        _heads[1] = inboxHead;
        if (inboxHead != 0) _status.occupied = 2;
        emit Genesis(root, inboxHead, leaves.length);
    }

    /// @inheritdoc ISettlement
    function postRound() external {
        Status memory status = _status;
        if (!status.imported) revert GenesisMissing();
        if (status.round != 0) {
            uint256 age = block.timestamp - status.timestamp;
            if (age <= ROUND_MIN && (age <= ROUND_SHORT || !isComplete())) revert RoundTooEarly();
        }

        uint64[7] memory prices;
        for (uint256 i = 0; i < assetCount; ++i) {
            Asset storage asset = _assets[i + 1];
            prices[i] = _readPrice(i + 1, asset);
            _applyParameters(i + 1, asset);
        }

        uint64 number = status.round + 1;
        _status.round = number;
        _status.timestamp = uint56(block.timestamp);
        _prices = prices.pack();
        emit RoundPosted(number, prices, block.timestamp);
    }

    /// @inheritdoc ISettlement
    function proposeParameters(uint256 asset, Parameters calldata proposed) external onlyAdmin knownAsset(asset) {
        if (!RiskParameters.ordered(proposed)) revert InvalidParameters(asset);
        Asset storage a = _assets[asset];
        // One proposal at a time, so these are still the active ones when it is applied.
        if (!RiskParameters.withinStep(a.active, proposed)) revert BeyondStep(asset);
        uint256 readyAt = block.timestamp + PARAMETER_DELAY;
        a.pending = proposed;
        a.readyAt = uint48(readyAt);
        emit ParametersProposed(asset, proposed, readyAt);
    }

    /// @inheritdoc ISettlement
    function openEnvelopes(Opening[] calldata openings) public onlyOperator {
        if (!_status.imported) revert GenesisMissing();
        for (uint256 i = 0; i < openings.length; ++i) {
            uint256 slot = openings[i].slot;
            if (slot < FIRST_ENVELOPE || slot >= SLOTS) revert SlotOutOfRange(slot);
            if (_heads[slot] != 0) revert SlotNotEmpty(slot);
            uint64[7] memory floors = openings[i].floors;
            uint64[7] memory ceilings = openings[i].ceilings;
            _envelopes[slot] = Envelope(floors.pack(), ceilings.pack());
            _status.opened |= uint64(1 << slot);
            emit EnvelopeOpened(slot, floors, ceilings);
        }
    }

    /// @inheritdoc ISettlement
    function settle(Batch[] calldata batches) external onlyOperator {
        if (!_status.imported) revert GenesisMissing();
        for (uint256 i = 0; i < batches.length; ++i) {
            openEnvelopes(batches[i].openings);
            if (batches[i].circuit == Circuit.Sweep) _sweep(i, batches[i]);
            else _resolve(i, batches[i]);
        }
        emit Settled(_status.round, isComplete());
    }

    /// @inheritdoc ISettlement
    function isCovered(uint256 slot) external view returns (bool) {
        if (slot < FIRST_ENVELOPE || slot >= SLOTS || _status.opened >> slot & 1 == 0 || _status.round == 0) return false;
        (uint256[2] memory u, uint256[2] memory v) = _maintenance();
        return _contains(_envelopes[slot], u, v);
    }

    /// @inheritdoc ISettlement
    function isComplete() public view returns (bool) {
        uint256 occupied = _status.occupied;
        if (_status.round == 0 || occupied & 3 != 0) return false;
        (uint256[2] memory u, uint256[2] memory v) = _maintenance();
        for (uint256 slot = FIRST_ENVELOPE; occupied >> slot != 0; ++slot) {
            if (occupied >> slot & 1 == 1 && !_contains(_envelopes[slot], u, v)) return false;
        }
        return true;
    }

    /// @inheritdoc ISettlement
    function marks() public view returns (uint64[9][7] memory m) {
        if (_status.round == 0) return m;
        uint64[7] memory prices = _prices.unpack();
        for (uint256 i = 0; i < assetCount; ++i) {
            m[i] = Marks.all(prices[i], _assets[i + 1].active);
        }
    }

    /// @inheritdoc ISettlement
    function round() external view returns (uint256 number, uint256 timestamp, uint64[7] memory prices) {
        return (_status.round, _status.timestamp, _prices.unpack());
    }

    /// @inheritdoc ISettlement
    function head(uint256 slot) external view returns (uint256) {
        if (slot >= SLOTS) revert SlotOutOfRange(slot);
        return _heads[slot];
    }

    /// @inheritdoc ISettlement
    function heads() external view returns (uint256[] memory all) {
        all = new uint256[](SLOTS);
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            all[slot] = _heads[slot];
        }
    }

    /// @inheritdoc ISettlement
    function envelope(uint256 slot)
        external
        view
        returns (bool opened, uint64[7] memory floors, uint64[7] memory ceilings)
    {
        if (slot < FIRST_ENVELOPE || slot >= SLOTS) revert SlotOutOfRange(slot);
        Envelope memory e = _envelopes[slot];
        return (_status.opened >> slot & 1 == 1, e.floors.unpack(), e.ceilings.unpack());
    }

    /// @inheritdoc ISettlement
    function backstop() external view returns (int256[8] memory) {
        return _backstop;
    }

    /// @inheritdoc ISettlement
    function config() external view returns (Config memory) {
        return Config({
            admin: ADMIN,
            operator: OPERATOR,
            sweepVerifier: address(SWEEP),
            resolveVerifier: address(RESOLVE),
            cashDecimals: CASH_DECIMALS,
            minLiability: MIN_LIABILITY,
            slots: SLOTS,
            provingTime: PROVING_TIME,
            roundMin: ROUND_MIN,
            roundShort: ROUND_SHORT,
            maxAge: MAX_AGE,
            grace: GRACE,
            parameterDelay: PARAMETER_DELAY
        });
    }

    /// @inheritdoc ISettlement
    function assetConfig(uint256 asset)
        external
        view
        knownAsset(asset)
        returns (address feed, uint8 feedDecimals, uint8 decimals, uint32 heartbeat)
    {
        Asset storage a = _assets[asset];
        return (a.feed, a.feedDecimals, a.decimals, a.heartbeat);
    }

    /// @inheritdoc ISettlement
    function parameters(uint256 asset) external view knownAsset(asset) returns (Parameters memory) {
        return _assets[asset].active;
    }

    /// @inheritdoc ISettlement
    function pendingParameters(uint256 asset)
        external
        view
        knownAsset(asset)
        returns (Parameters memory proposed, uint256 readyAt)
    {
        return (_assets[asset].pending, _assets[asset].readyAt);
    }

    /// @inheritdoc ISettlement
    function batchSizes() external view returns (uint256 sweepSteps, uint256 sweepWindow, uint256 resolveSteps) {
        return (SWEEP_STEPS, SWEEP_WINDOW, RESOLVE_STEPS);
    }

    function _addAsset(uint256 number, AssetConfig memory a) private {
        if (a.decimals > 8) revert InvalidConfig("decimals");
        if (a.heartbeat == 0) revert InvalidConfig("heartbeat");
        if (!RiskParameters.ordered(a.parameters)) revert InvalidParameters(number);
        uint8 feedDecimals = AggregatorV3Interface(a.feed).decimals();
        if (feedDecimals > 18) revert InvalidConfig("feed");
        Asset storage asset = _assets[number];
        asset.feed = a.feed;
        asset.feedDecimals = feedDecimals;
        asset.decimals = a.decimals;
        asset.heartbeat = a.heartbeat;
        asset.active = a.parameters;
        emit ParametersApplied(number, a.parameters);
    }

    /// @dev Below 2^60; see `Marks.priceDown`.
    function _readPrice(uint256 number, Asset storage asset) private view returns (uint64) {
        address feed = asset.feed;
        // Plain static calls: unlike `try`, they also catch a feed that is gone or answers too little.
        (bool ok, bytes memory data) = feed.staticcall(abi.encodeCall(AggregatorV3Interface.decimals, ()));
        if (!ok || data.length < 32) revert FeedFailed(number);
        if (abi.decode(data, (uint256)) != asset.feedDecimals) revert FeedDecimalsChanged(number);

        (ok, data) = feed.staticcall(abi.encodeCall(AggregatorV3Interface.latestRoundData, ()));
        if (!ok || data.length < 160) revert FeedFailed(number);
        (, int256 answer,, uint256 updatedAt,) = abi.decode(data, (uint256, int256, uint256, uint256, uint256));
        if (answer <= 0) revert AnswerNotPositive(number);
        if (updatedAt > block.timestamp) revert AnswerFromFuture(number, updatedAt);
        if (block.timestamp - updatedAt > asset.heartbeat) revert AnswerStale(number, updatedAt);

        uint256 price = Marks.priceDown(uint256(answer), asset.feedDecimals, asset.decimals, CASH_DECIMALS);
        if (price >= Marks.PRICE_END) revert PriceTooHigh(number);
        return uint64(price);
    }

    /// @dev Only a round changes active parameters, so that its marks are a function of storage.
    function _applyParameters(uint256 number, Asset storage asset) private {
        uint256 readyAt = asset.readyAt;
        if (readyAt == 0 || block.timestamp < readyAt) return;
        Parameters memory applied = asset.pending;
        asset.active = applied;
        asset.readyAt = 0;
        delete asset.pending;
        emit ParametersApplied(number, applied);
    }

    /// @dev D = active, headsBefore[W], headsAfter[W], free[W], floors[W][7], ceilings[W][7]. It needs no round: it proves
    /// accounts safe in envelopes, not at marks.
    function _sweep(uint256 number, Batch calldata batch) private {
        uint256 w = SWEEP_WINDOW;
        uint8[] calldata window = batch.window;
        uint256[] calldata values = batch.values;
        if (window.length != w) revert WrongWindowLength(number, window.length, w);
        _checkValues(number, batch, 1 + w, SWEEP_STEPS);

        uint256 opened = _status.opened;
        uint256[] memory d = new uint256[](2 + 17 * w);
        d[0] = values[0];
        for (uint256 j = 0; j < w; ++j) {
            uint256 slot = window[j];
            if (j > 0 && slot <= window[j - 1]) revert WindowNotIncreasing(number, j);
            if (opened >> slot & 1 == 0) revert SlotNotOpened(number, slot);
            d[1 + j] = _heads[slot];
            d[1 + w + j] = values[1 + j];
            if (slot < FIRST_ENVELOPE) {
                d[1 + 2 * w + j] = 1;
            } else {
                Envelope memory e = _envelopes[slot];
                e.floors.spread(d, 1 + 3 * w + 7 * j);
                e.ceilings.spread(d, 1 + 10 * w + 7 * j);
            }
        }
        _verify(number, SWEEP, d, batch);

        uint256 occupied = _status.occupied;
        for (uint256 j = 0; j < w; ++j) {
            occupied = _setHead(occupied, window[j], values[1 + j]);
        }
        _status.occupied = uint64(occupied);
        emit Swept(_status.round, window, values[1:], values[0]);
    }

    /// @dev D = active, rootBefore, rootAfter, distressBefore, distressAfter, inboxBefore, inboxAfter, minLiability,
    /// marks[7][9], backstopDelta[8], badDebt, writes[n][5].
    function _resolve(uint256 number, Batch calldata batch) private {
        Status memory status = _status;
        uint256[] calldata values = batch.values;
        if (batch.window.length != 0) revert WrongWindowLength(number, batch.window.length, 0);
        _checkValues(number, batch, 13 + 5 * RESOLVE_STEPS, RESOLVE_STEPS);
        if (status.round == 0 || block.timestamp - status.timestamp >= MAX_AGE) revert NoFreshRound();

        uint256[] memory d = new uint256[](81 + 5 * RESOLVE_STEPS);
        d[0] = values[0];
        d[1] = accountsRoot;
        d[2] = values[1];
        d[3] = _heads[0];
        d[4] = values[2];
        d[5] = _heads[1];
        d[6] = values[3];
        d[7] = MIN_LIABILITY;
        uint64[9][7] memory m = marks();
        for (uint256 a = 0; a < assetCount; ++a) {
            for (uint256 k = 0; k < 9; ++k) {
                d[8 + 9 * a + k] = m[a][k];
            }
        }
        for (uint256 i = 4; i < values.length; ++i) {
            d[67 + i] = values[i];
        }
        _verify(number, RESOLVE, d, batch);

        accountsRoot = values[1];
        uint256 occupied = _setHead(status.occupied, 0, values[2]);
        _status.occupied = uint64(_setHead(occupied, 1, values[3]));
        int256[8] memory delta;
        for (uint256 a = 0; a < 8; ++a) {
            delta[a] = _signed(number, values[4 + a]);
            if (delta[a] != 0) _backstop[a] += delta[a];
        }
        uint256 newBadDebt = values[12];
        if (newBadDebt >= DELTA_END) revert DeltaTooLarge(number);
        if (newBadDebt != 0) badDebt += newBadDebt;
        emit Resolved(status.round, values[1], values[2], values[3], values[0], delta, newBadDebt);
    }

    function _checkValues(uint256 number, Batch calldata batch, uint256 length, uint256 steps) private pure {
        uint256[] calldata values = batch.values;
        if (values.length != length) revert WrongValuesLength(number, values.length, length);
        for (uint256 i = 0; i < length; ++i) {
            if (values[i] >= PublicVector.R) revert ValueNotInField(number, i);
        }
        if (batch.digest >= PublicVector.R) revert ValueNotInField(number, length);
        if (values[0] > steps) revert TooManySteps(number, values[0], steps);
    }

    /// @param d The public vector, with room for the digest at its end.
    function _verify(uint256 number, IVerifier verifier, uint256[] memory d, Batch calldata batch) private view {
        d[d.length - 1] = batch.digest;
        (uint256 z, uint256 y) = PublicVector.evaluate(d);
        Proof calldata p = batch.proof;
        // The generated verifier negates a's y without this check; the precompile makes it for every other word. A proof that
        // only the chain takes would be one that no auditor can check.
        if (p.a[1] >= PublicVector.Q) revert InvalidProof(number);
        try verifier.verifyProof(p.a, p.b, p.c, [batch.digest, z, y]) returns (bool valid) {
            if (!valid) revert InvalidProof(number);
        } catch {
            revert InvalidProof(number);
        }
    }

    /// @return The mask `occupied` with the slot's new bit.
    function _setHead(uint256 occupied, uint256 slot, uint256 newHead) private returns (uint256) {
        _heads[slot] = newHead;
        return newHead == 0 ? occupied & ~(1 << slot) : occupied | 1 << slot;
    }

    function _signed(uint256 number, uint256 element) private pure returns (int256) {
        if (element < DELTA_END) return int256(element);
        uint256 size = PublicVector.R - element;
        if (size >= DELTA_END) revert DeltaTooLarge(number);
        return -int256(size);
    }

    /// @return u Packed.
    /// @return v Packed.
    function _maintenance() private view returns (uint256[2] memory u, uint256[2] memory v) {
        uint64[7] memory prices = _prices.unpack();
        uint64[7] memory us;
        uint64[7] memory vs;
        for (uint256 i = 0; i < assetCount; ++i) {
            (us[i], vs[i]) = Marks.maintenance(prices[i], _assets[i + 1].active);
        }
        return (us.pack(), vs.pack());
    }

    function _contains(Envelope memory e, uint256[2] memory u, uint256[2] memory v) private pure returns (bool) {
        return u.allAtLeast(e.floors) && e.ceilings.allAtLeast(v);
    }
}
