// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";

import {IGovernance} from "../interfaces/IGovernance.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Marks} from "../libraries/Marks.sol";
import {Parameters, RiskParameters} from "../libraries/RiskParameters.sol";

/// @title The rounds; see `IRounds` for what each function promises.
/// @dev Every call to another contract (feeds, settlement, vault) is a static call: there is nothing to re-enter.
contract Rounds is IRounds {
    using Lanes for uint64[7];
    using Lanes for uint256[2];

    struct Status {
        uint64 round;
        uint40 timestamp;
        /// Live seconds until the latest round.
        uint56 live;
        uint32 roundMin;
        uint32 roundShort;
        uint32 maxAge;
    }

    struct Binding {
        address settlement;
        uint32 provingTime;
        uint32 parameterDelay;
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

    address private immutable DEPLOYER;
    uint8 private immutable CASH_DECIMALS;
    /// @inheritdoc IRounds
    address public immutable governance;
    /// @inheritdoc IRounds
    uint256 public immutable assetCount;
    /// @inheritdoc IRounds
    uint256 public immutable deployedAt;

    Status private _status;
    uint256[2] private _prices;
    Asset[8] private _assets;
    Binding private _binding;
    IVault private _vault;

    modifier knownAsset(uint256 asset) {
        if (asset == 0 || asset > assetCount) revert UnknownAsset(asset);
        _;
    }

    /// @param assets Assets 1, 2, ... in order; the others are unused, with marks of 0.
    constructor(Config memory c, AssetConfig[] memory assets) {
        if (c.governance == address(0)) revert InvalidConfig("governance");
        if (c.cashDecimals > 8) revert InvalidConfig("cashDecimals");
        if (c.provingTime >= c.roundMin) revert InvalidConfig("provingTime");
        if (c.roundShort >= c.roundMin) revert InvalidConfig("roundShort");
        if (c.roundMin >= c.maxAge) revert InvalidConfig("roundMin");
        if (assets.length == 0 || assets.length > 7) revert InvalidConfig("assets");

        DEPLOYER = msg.sender;
        governance = c.governance;
        CASH_DECIMALS = c.cashDecimals;
        _setClocks(c.provingTime, c.roundMin, c.roundShort, c.maxAge, c.parameterDelay);
        assetCount = assets.length;
        deployedAt = block.timestamp;
        for (uint256 i = 0; i < assets.length; ++i) {
            _addAsset(i + 1, assets[i]);
        }
    }

    /// @inheritdoc IRounds
    function bind(address settlement_) external {
        if (msg.sender != DEPLOYER) revert NotDeployer();
        if (_binding.settlement != address(0)) revert AlreadyBound();
        IVault vault = IVault(ISettlement(settlement_).vault());
        if (vault.rounds() != address(this)) revert InvalidConfig("settlement");
        _binding.settlement = settlement_;
        _vault = vault;
        emit Bound(settlement_);
    }

    /// @inheritdoc IRounds
    function postRound() external {
        address settlement_ = _binding.settlement;
        if (settlement_ == address(0)) revert NotBound();
        if (_vault.frozen()) revert Frozen();
        Status memory status = _status;
        if (status.round != 0) {
            uint256 age = block.timestamp - status.timestamp;
            if (age <= status.roundMin && (age <= status.roundShort || !ISettlement(settlement_).isComplete())) {
                revert RoundTooEarly();
            }
            status.live += uint56(_between(age, status.maxAge));
        }

        uint64[7] memory prices;
        for (uint256 i = 0; i < assetCount; ++i) {
            Asset storage asset = _assets[i + 1];
            prices[i] = _readPrice(i + 1, asset);
            _applyParameters(i + 1, asset);
        }

        ++status.round;
        status.timestamp = uint40(block.timestamp);
        _status = status;
        _prices = prices.pack();
        emit RoundPosted(status.round, prices, block.timestamp);
    }

    /// @inheritdoc IRounds
    function proposeParameters(uint256 asset, Parameters calldata proposed) external knownAsset(asset) {
        if (msg.sender != IGovernance(governance).admin()) revert NotAdmin();
        if (!RiskParameters.ordered(proposed)) revert InvalidParameters(asset);
        Asset storage a = _assets[asset];
        // One proposal at a time, so these are still the active ones when it is applied.
        if (!RiskParameters.withinStep(a.active, proposed)) revert BeyondStep(asset);
        uint256 readyAt = block.timestamp + _binding.parameterDelay;
        a.pending = proposed;
        a.readyAt = uint48(readyAt);
        emit ParametersProposed(asset, proposed, readyAt);
    }

    /// @inheritdoc IRounds
    function setClocks(
        uint32 provingTime,
        uint32 roundMin,
        uint32 roundShort,
        uint32 maxAge_,
        uint32 parameterDelay
    ) external {
        if (msg.sender != governance) revert NotGovernance();
        _setClocks(provingTime, roundMin, roundShort, maxAge_, parameterDelay);
    }

    /// @inheritdoc IRounds
    function marks() external view returns (uint64[11][7] memory m) {
        if (_status.round == 0) return m;
        uint64[7] memory prices = _prices.unpack();
        for (uint256 i = 0; i < assetCount; ++i) {
            m[i] = Marks.all(prices[i], prices[i], prices[i], _assets[i + 1].active);
        }
    }

    /// @inheritdoc IRounds
    function maintenance() external view returns (uint256[2] memory u, uint256[2] memory v) {
        if (_status.round == 0) return (u, v);
        uint64[7] memory prices = _prices.unpack();
        uint64[7] memory us;
        uint64[7] memory vs;
        for (uint256 i = 0; i < assetCount; ++i) {
            (us[i], vs[i]) = Marks.maintenance(prices[i], _assets[i + 1].active);
        }
        return (us.pack(), vs.pack());
    }

    /// @inheritdoc IRounds
    function round() external view returns (uint256 number, uint256 timestamp, uint64[7] memory prices) {
        return (_status.round, _status.timestamp, _prices.unpack());
    }

    /// @inheritdoc IRounds
    function roundNumber() external view returns (uint256) {
        return _status.round;
    }

    /// @inheritdoc IRounds
    function fresh() external view returns (bool) {
        return _fresh(_status);
    }

    /// @inheritdoc IRounds
    function latest() external view returns (uint256 number, bool isFresh) {
        Status memory status = _status;
        return (status.round, _fresh(status));
    }

    /// @inheritdoc IRounds
    function readPrices() external view returns (uint64[7] memory prices) {
        for (uint256 i = 0; i < assetCount; ++i) {
            prices[i] = _readPrice(i + 1, _assets[i + 1]);
        }
    }

    /// @inheritdoc IRounds
    function liveTime() external view returns (uint256) {
        Status memory status = _status;
        if (status.round == 0) return 0;
        uint256 age = block.timestamp - status.timestamp;
        return status.live + (age < status.maxAge ? age : status.maxAge);
    }

    /// @inheritdoc IRounds
    function maxAge() external view returns (uint256) {
        return _status.maxAge;
    }

    /// @inheritdoc IRounds
    function config() external view returns (Config memory) {
        return Config({
            governance: governance,
            cashDecimals: CASH_DECIMALS,
            provingTime: _binding.provingTime,
            roundMin: _status.roundMin,
            roundShort: _status.roundShort,
            maxAge: _status.maxAge,
            parameterDelay: _binding.parameterDelay
        });
    }

    /// @inheritdoc IRounds
    function settlement() external view returns (address) {
        return _binding.settlement;
    }

    /// @inheritdoc IRounds
    function decimals(uint256 asset) external view returns (uint8) {
        if (asset > assetCount) revert UnknownAsset(asset);
        return asset == 0 ? CASH_DECIMALS : _assets[asset].decimals;
    }

    /// @inheritdoc IRounds
    function assetConfig(uint256 asset)
        external
        view
        knownAsset(asset)
        returns (address feed, uint8 feedDecimals, uint8 assetDecimals, uint32 heartbeat)
    {
        Asset storage a = _assets[asset];
        return (a.feed, a.feedDecimals, a.decimals, a.heartbeat);
    }

    /// @inheritdoc IRounds
    function parameters(uint256 asset) external view knownAsset(asset) returns (Parameters memory) {
        return _assets[asset].active;
    }

    /// @inheritdoc IRounds
    function pendingParameters(uint256 asset)
        external
        view
        knownAsset(asset)
        returns (Parameters memory proposed, uint256 readyAt)
    {
        return (_assets[asset].pending, _assets[asset].readyAt);
    }

    function _setClocks(
        uint32 provingTime,
        uint32 roundMin,
        uint32 roundShort,
        uint32 maxAge_,
        uint32 parameterDelay
    ) private {
        (_status.roundMin, _status.roundShort, _status.maxAge) = (roundMin, roundShort, maxAge_);
        (_binding.provingTime, _binding.parameterDelay) = (provingTime, parameterDelay);
    }

    function _fresh(Status memory status) private view returns (bool) {
        return status.round != 0 && block.timestamp - status.timestamp < status.maxAge;
    }

    /// @return Live seconds of a gap between two rounds. Half of a long one counts, whoever let it become long: else
    /// whoever posts rarely could have deadlines stand still for most of the time.
    function _between(uint256 gap, uint256 maxAge_) private pure returns (uint256) {
        if (gap < maxAge_) return gap;
        return gap / 2 > maxAge_ ? gap / 2 : maxAge_;
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
}
