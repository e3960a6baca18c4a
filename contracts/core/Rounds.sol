// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMargins} from "../interfaces/IMargins.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {IOracles} from "../interfaces/IOracles.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Concentration} from "../libraries/Concentration.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {MarginRule} from "../libraries/MarginRule.sol";
import {Marks} from "../libraries/Marks.sol";
import {Parameters} from "../libraries/RiskParameters.sol";
import {Margins} from "./Margins.sol";
import {NativeCredits} from "./NativeCredits.sol";

/// @title The rounds; see `IRounds` for what each function promises.
/// @dev Calls only contracts of its own deployment, which call sources and pools statically: there is nothing to
/// re-enter.
contract Rounds is IRounds, Margins, NativeCredits {
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

    /// @dev The clock of forced requests, and what it depends on.
    struct Forced {
        /// Seconds until the latest round.
        uint56 time;
        /// Seconds that it stood for in the present hold, or the one before.
        uint32 stood;
        /// When it last stood, or later; 0: it never did.
        uint40 stoodAt;
        /// The latest round that tightened an initial factor, charges concentration at less depth, or held an asset.
        uint40 tightened;
        /// Bit a: asset a is held.
        uint8 held;
    }

    uint256 private constant STANDING_WINDOW = 30 days;
    uint256 private constant TIP_SHARE_MOST = 5_000;

    address private immutable DEPLOYER;
    IOracles private immutable ORACLES;
    uint8 private immutable CASH_DECIMALS;
    uint96 private immutable ROUND_TIP;
    /// @inheritdoc IRounds
    uint256 public immutable tipShare;
    /// @inheritdoc IRounds
    address public immutable governance;
    /// @inheritdoc IRounds
    uint256 public immutable deployedAt;

    Status private _status;
    Forced private _forced;
    Binding private _binding;
    IVault private _vault;
    IMarket private _market;

    /// @param assets Assets 1, 2, ... in order; the others are unused, with marks of 0.
    constructor(Config memory c, AssetConfig[] memory assets)
        Margins(c.patience, assets.length, _ruledOf(assets), c.concentration)
    {
        if (c.governance == address(0)) revert InvalidConfig("governance");
        if (c.patience > 7 days) revert InvalidConfig("patience");
        if (c.tipShare > TIP_SHARE_MOST) revert InvalidConfig("tipShare");
        if (c.provingTime >= c.roundMin) revert InvalidConfig("provingTime");
        if (c.roundShort >= c.roundMin) revert InvalidConfig("roundShort");
        if (c.roundMin >= c.maxAge) revert InvalidConfig("roundMin");
        ORACLES = IOracles(c.oracles);
        if (ORACLES.governance() != c.governance) revert InvalidConfig("oracles");
        if (assets.length == 0 || assets.length != ORACLES.assetCount()) revert InvalidConfig("assets");
        if (!Concentration.deployable(c.concentration, ORACLES, assets)) revert InvalidConfig("concentration");

        (DEPLOYER, governance) = (msg.sender, c.governance);
        (ROUND_TIP, tipShare) = (c.roundTip, c.tipShare);
        (CASH_DECIMALS,,,) = ORACLES.assetConfig(0);
        _setClocks(c.provingTime, c.roundMin, c.roundShort, c.maxAge, c.parameterDelay);
        deployedAt = ORACLES.deployedAt();
        for (uint256 i = 0; i < assets.length; ++i) {
            (uint8 assetDecimals,,,) = ORACLES.assetConfig(i + 1);
            _addAsset(i + 1, assetDecimals, assets[i].parameters, assets[i].rule);
        }
    }

    /// @inheritdoc IRounds
    function bind(address settlement_, address market_) external {
        if (msg.sender != DEPLOYER) revert NotDeployer();
        if (_binding.settlement != address(0)) revert AlreadyBound();
        IVault vault = IVault(ISettlement(settlement_).vault());
        if (vault.rounds() != address(this)) revert InvalidConfig("settlement");
        if (IMarket(market_).vault() != address(vault)) revert InvalidConfig("market");
        _binding.settlement = settlement_;
        (_vault, _market) = (vault, IMarket(market_));
        for (uint256 a = 1; a <= ASSETS; ++a) {
            (address token,,,,,) = vault.assetInfo(uint8(a));
            _bindPool(a, token);
        }
        emit Bound(settlement_);
    }

    /// @inheritdoc IRounds
    function postRound() external {
        address settlement_ = _binding.settlement;
        if (settlement_ == address(0)) revert NotBound();
        if (_vault.frozen()) revert Frozen();
        if (ORACLES.down()) revert Down();
        Status memory status = _status;
        uint256 previous = status.timestamp;
        uint256 passed = 0;
        if (status.round != 0) {
            uint256 age = block.timestamp - previous;
            if (age <= status.roundMin && (age <= status.roundShort || !ISettlement(settlement_).isComplete())) {
                revert RoundTooEarly();
            }
            passed = _between(age, status.maxAge, previous);
            status.live += uint56(passed);
        }

        IMarket market_ = _market;
        uint256[7] memory fronts = market_.closeRound();
        (IOracles.Reading[7] memory readings, uint256[] memory answers) = ORACLES.update();
        Stage memory stage = _step(readings, previous);
        ++status.round;
        status.timestamp = uint40(block.timestamp);
        _status = status;
        _forced = _runForced(_forced, passed, stage, status.round);
        uint64[7] memory prices;
        for (uint256 i = 0; i < ASSETS; ++i) {
            prices[i] = readings[i].price;
        }
        emit RoundPosted(status.round, prices, block.timestamp, answers, stage.pools);
        market_.openRound(fronts);
        _tip(previous);
    }

    /// @inheritdoc IRounds
    function addTips() external payable {
        nativeCredits[address(this)] += msg.value;
    }

    /// @inheritdoc IRounds
    function recordHoldings() external {
        if (msg.sender != _binding.settlement) revert NotSettlement();
        uint64[7] memory holdings;
        for (uint256 a = 1; a <= ASSETS; ++a) {
            if (RULED >> a & 1 == 0) continue;
            (address token,,,,,) = _vault.assetInfo(uint8(a));
            if (token != address(0)) holdings[a - 1] = uint64(_vault.free(uint8(a)));
        }
        uint256[2] memory packed = holdings.pack();
        for (uint256 i = 0; i < 2; ++i) {
            if (_holdings[i] != packed[i]) _holdings[i] = packed[i];
        }
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
        if (_status.round != 0) _market.keepTerms();
        _setClocks(provingTime, roundMin, roundShort, maxAge_, parameterDelay);
    }

    /// @inheritdoc IRounds
    function marks() external view returns (uint64[12][7] memory m) {
        if (_status.round == 0) return m;
        for (uint256 i = 0; i < ASSETS; ++i) {
            m[i] = _marksOf(i + 1);
        }
    }

    /// @inheritdoc IRounds
    function sale(uint256 asset) external view knownAsset(asset) returns (Sale memory s) {
        Status memory status = _status;
        (s.roundMin, s.maxAge) = (status.roundMin, status.maxAge);
        if (status.round == 0) return s;
        Parameters storage p = _assets[asset].active;
        Standing memory now_ = _standing[asset];
        (s.price, s.sell, s.buy) = Marks.sale(now_.price, p.penalty, now_.widened);
        (s.round, s.time, s.depth) = (status.round, status.timestamp, p.depth);
        s.held = now_.heldSince != 0 || now_.price == 0;
    }

    /// @inheritdoc IRounds
    function maintenance() external view returns (uint256[2] memory u, uint256[2] memory v) {
        if (_status.round == 0) return (u, v);
        uint64[7] memory us;
        uint64[7] memory vs;
        for (uint256 i = 0; i < ASSETS; ++i) {
            Standing memory s = _standing[i + 1];
            (us[i], vs[i]) = Marks.maintenance(s.price, _assets[i + 1].active);
            if (s.widened != 0) (us[i], vs[i]) = (Marks.lessDown(us[i], s.widened), Marks.moreUp(vs[i], s.widened));
        }
        return (us.pack(), vs.pack());
    }

    /// @inheritdoc IRounds
    function round() external view returns (uint256 number, uint256 timestamp, uint64[7] memory prices) {
        for (uint256 i = 0; i < ASSETS; ++i) {
            prices[i] = _standing[i + 1].price;
        }
        return (_status.round, _status.timestamp, prices);
    }

    /// @inheritdoc IRounds
    function stamp() external view returns (uint64 number, uint40 time) {
        return (_status.round, _status.timestamp);
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
        if (ORACLES.down()) revert Down();
        IOracles.Reading[7] memory readings = ORACLES.peek();
        for (uint256 i = 0; i < ASSETS; ++i) {
            prices[i] = readings[i].price;
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
    function forcedTime() external view returns (uint256) {
        (uint256 elapsed, uint256 stands) = _sinceRound();
        return _forced.time + elapsed - stands;
    }

    /// @inheritdoc IRounds
    function forcedStands() external view returns (bool) {
        Forced memory f = _forced;
        (, uint256 stands) = _sinceRound();
        return f.held != 0 && f.stood + stands < PATIENCE;
    }

    /// @inheritdoc IRounds
    function forcedSlack() external view returns (uint256) {
        Forced memory f = _forced;
        if (block.timestamp >= f.stoodAt + STANDING_WINDOW) return PATIENCE;
        return PATIENCE - f.stood;
    }

    /// @inheritdoc IMargins
    function held() external view returns (uint256) {
        return _forced.held;
    }

    /// @inheritdoc IMargins
    function tightenedAt() external view returns (uint256) {
        return _forced.tightened;
    }

    /// @inheritdoc IRounds
    function assetCount() external view returns (uint256) {
        return ASSETS;
    }

    /// @inheritdoc IRounds
    function maxAge() external view returns (uint256) {
        return _status.maxAge;
    }

    /// @inheritdoc IRounds
    function config() external view returns (Config memory) {
        return Config({
            governance: governance,
            oracles: address(ORACLES),
            provingTime: _binding.provingTime,
            roundMin: _status.roundMin,
            roundShort: _status.roundShort,
            maxAge: _status.maxAge,
            parameterDelay: _binding.parameterDelay,
            patience: uint32(PATIENCE),
            tipShare: uint16(tipShare),
            roundTip: ROUND_TIP,
            concentration: uint32(CONCENTRATION)
        });
    }

    /// @inheritdoc IRounds
    function settlement() external view returns (address) {
        return _binding.settlement;
    }

    /// @inheritdoc IRounds
    function market() external view returns (address) {
        return address(_market);
    }

    /// @inheritdoc IRounds
    function decimals(uint256 asset) external view returns (uint8) {
        if (asset > ASSETS) revert UnknownAsset(asset);
        return asset == 0 ? CASH_DECIMALS : _assets[asset].decimals;
    }

    function _roundTime() internal view override returns (uint256) {
        return _status.timestamp;
    }

    function _governance() internal view override returns (address) {
        return governance;
    }

    function _parameterDelay() internal view override returns (uint256) {
        return _binding.parameterDelay;
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
    /// whoever posts rarely could have deadlines stand still for most of the time. Of one in which the chain's
    /// sequencer was down no more than a round's age does.
    function _between(uint256 gap, uint256 maxAge_, uint256 previous) private view returns (uint256) {
        if (gap < maxAge_) return gap;
        return gap / 2 > maxAge_ && ORACLES.upSince() <= previous ? gap / 2 : maxAge_;
    }

    /// @return elapsed Live seconds since the latest round. @return stands How many of them forced requests' clock
    /// stands for.
    function _sinceRound() private view returns (uint256 elapsed, uint256 stands) {
        Status memory status = _status;
        if (status.round == 0) return (0, 0);
        elapsed = block.timestamp - status.timestamp;
        if (elapsed > status.maxAge) elapsed = status.maxAge;
        stands = _standsFor(_forced, elapsed);
    }

    function _standsFor(Forced memory f, uint256 elapsed) private view returns (uint256) {
        uint256 left = f.held == 0 ? 0 : PATIENCE - f.stood;
        return elapsed < left ? elapsed : left;
    }

    /// @dev It stands for `PATIENCE` in a hold at most, and again only in one that begins 30 days after it last stood:
    /// so no 30 days have more.
    function _runForced(Forced memory f, uint256 passed, Stage memory stage, uint256 number)
        private
        view
        returns (Forced memory)
    {
        uint256 stands = _standsFor(f, passed);
        f.time += uint56(passed - stands);
        if (stands != 0) (f.stood, f.stoodAt) = (uint32(f.stood + stands), uint40(block.timestamp));
        if (f.held == 0 && stage.held != 0 && block.timestamp >= f.stoodAt + STANDING_WINDOW) f.stood = 0;
        f.held = uint8(stage.held);
        if (stage.tightened || stage.held != 0) f.tightened = uint40(number);
        return f;
    }

    /// @dev For the first round of a grid step, as far as there is enough.
    function _tip(uint256 previous) private {
        uint256 tip = ROUND_TIP;
        if (tip == 0 || block.timestamp / MarginRule.GRID_SECONDS == previous / MarginRule.GRID_SECONDS) return;
        uint256 pot = nativeCredits[address(this)];
        if (tip > pot) tip = pot;
        if (tip == 0) return;
        nativeCredits[address(this)] = pot - tip;
        nativeCredits[msg.sender] += tip;
        emit Tipped(msg.sender, tip);
    }

    function _ruledOf(AssetConfig[] memory assets) private pure returns (uint256 bits) {
        for (uint256 i = 0; i < assets.length; ++i) {
            if (assets[i].rule.on) bits |= 1 << (i + 1);
        }
    }
}
