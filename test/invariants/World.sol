// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {IEscape} from "../../contracts/interfaces/IEscape.sol";
import {IForced} from "../../contracts/interfaces/IForced.sol";
import {IInsurance} from "../../contracts/interfaces/IInsurance.sol";
import {IRounds} from "../../contracts/interfaces/IRounds.sol";
import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Marks} from "../../contracts/libraries/Marks.sol";
import {Parameters} from "../../contracts/libraries/RiskParameters.sol";

/// @notice What forge's machine offers here.
interface Vm {
    function prank(address sender) external;
    function warp(uint256 timestamp) external;
    function deal(address account, uint256 balance) external;
    function getCode(string calldata artifact) external view returns (bytes memory);
    function envOr(string calldata name, string calldata otherwise) external view returns (string memory);
    function writeLine(string calldata path, string calldata line) external;
    function toString(uint256 value) external pure returns (string memory);
}

Vm constant VM = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

contract Token is ERC20 {
    uint8 private immutable DECIMALS;

    constructor(uint8 decimals_) ERC20("T", "T") {
        DECIMALS = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @title Rounds at prices that anybody sets, always live; governance that halts nothing.
contract FreeRounds {
    uint256 public constant maxAge = 900;
    address public settlement;
    IMarket public market;
    uint256 public roundNumber;
    uint40 public postedAt;
    uint256 private immutable START = block.timestamp;
    uint256 private immutable COUNT;
    uint64[7] private _prices;
    uint64[12][7] private _marks;

    constructor(uint256 count) {
        COUNT = count;
    }

    function bind(address settlement_, IMarket market_) external {
        (settlement, market) = (settlement_, market_);
    }

    /// @param prices Raw, 2^32 scale.
    function post(uint64[7] memory prices) external {
        uint256[7] memory fronts = market.closeRound();
        ++roundNumber;
        postedAt = uint40(block.timestamp);
        _prices = prices;
        Parameters memory p = parameters(0);
        for (uint256 a = 0; a < COUNT; ++a) {
            _marks[a] = Marks.all(prices[a], prices[a], prices[a], p);
        }
        market.openRound(fronts);
    }

    function parameters(uint256) public pure returns (Parameters memory) {
        return Parameters(8500, 11500, 8000, 12000, 7500, 12500, 200, 1e13);
    }

    function sale(uint256 asset) external view returns (IRounds.Sale memory s) {
        uint64[12] memory m = _marks[asset - 1];
        (s.round, s.time, s.depth, s.roundMin, s.maxAge) = (uint64(roundNumber), postedAt, 1e13, 300, 900);
        (s.price, s.sell, s.buy) = (m[0], m[5], m[6]);
    }

    function stamp() external view returns (uint64, uint40) {
        return (uint64(roundNumber), postedAt);
    }

    /// @dev An ordinary market: 2.9 points an hour, and a quantile of 7.7.
    function reading(uint256) external pure returns (uint256, uint256) {
        return (16834000000, 21758015699733);
    }

    function marks() external view returns (uint64[12][7] memory) {
        return _marks;
    }

    function round() external view returns (uint256, uint256, uint64[7] memory) {
        return (roundNumber, block.timestamp, _prices);
    }

    function readPrices() external view returns (uint64[7] memory) {
        return _prices;
    }

    function liveTime() external view returns (uint256) {
        return block.timestamp - START;
    }

    /// @dev Forced requests' clock: it never stands, since no asset is ever held.
    function forcedTime() external view returns (uint256) {
        return block.timestamp - START;
    }

    function forcedStands() external pure returns (bool) {
        return false;
    }

    function forcedSlack() external pure returns (uint256) {
        return 0;
    }

    function tightenedAt() external pure returns (uint256) {
        return 0;
    }

    function held() external pure returns (uint256) {
        return 0;
    }

    function tipShare() external pure returns (uint256) {
        return 0;
    }

    function assetCount() external view returns (uint256) {
        return COUNT;
    }

    function decimals(uint256 asset) external pure returns (uint8) {
        return asset == 0 ? 6 : 8;
    }

    function governance() external view returns (address) {
        return address(this);
    }

    function halted(uint8) external pure returns (bool) {
        return false;
    }

    function config() external view returns (IRounds.Config memory c) {
        c.governance = address(this);
        c.parameterDelay = type(uint32).max;
    }
}

/// @title A settlement that does as it is told: proofs are not what is tested here.
contract FreeSettlement {
    IVault public vault;
    address public operator;

    constructor(IVault vault_) {
        vault = vault_;
        operator = msg.sender;
    }

    function accountsRoot() external pure returns (uint256) {
        return 1000;
    }

    function accountsMax() external pure returns (uint256) {
        return 16;
    }

    function apply_(uint256[10] memory step) external {
        uint256[] memory steps = new uint256[](10);
        for (uint256 i = 0; i < 10; ++i) {
            steps[i] = step[i];
        }
        vault.applySteps(steps, 1);
    }

    function liquidated(int256[8] memory delta, uint256 badDebt) external {
        vault.liquidated(delta, badDebt);
    }

    function checkpoint(uint256 root) external {
        vault.checkpoint(root);
    }
}

contract AnyProof {
    function steps() external pure returns (uint256) {
        return 1;
    }

    function depth() external pure returns (uint256) {
        return 2;
    }

    function verifyProof(uint256[2] calldata, uint256[2][2] calldata, uint256[2] calldata, uint256[3] calldata)
        external
        pure
        returns (bool)
    {
        return true;
    }
}

/// @title The vault, the forced queue, insurance and the escape, as they are deployed, around a settlement that proves nothing.
/// @dev Assets: cash of 6 decimals; a token of 18 and one of none, at 8; a synthetic.
abstract contract World {
    uint256 internal constant ASSETS = 4;
    uint256 internal constant SYNTHETIC = 3;
    uint32 internal constant GRACE = 7_200;
    uint32 internal constant NOTICE = 3_600;

    FreeRounds internal rounds;
    FreeSettlement internal settlement;
    IVault internal vault;
    IForced internal forced;
    IInsurance internal insurance;
    IEscape internal escape;
    IMarket internal market;
    Token[4] internal tokens;

    function create() internal {
        rounds = new FreeRounds(ASSETS - 1);
        (tokens[0], tokens[1], tokens[2]) = (new Token(6), new Token(18), new Token(0));
        IVault.AssetConfig[] memory assets = new IVault.AssetConfig[](ASSETS);
        for (uint256 a = 0; a < SYNTHETIC; ++a) {
            assets[a] = IVault.AssetConfig(address(tokens[a]), 1 << 62, 1000, 100);
        }
        vault = IVault(_deploy("Vault", abi.encode(IVault.Config(address(rounds), 3_600, 15, 1), assets)));
        forced = IForced(_deploy("Forced", abi.encode(IForced.Config(address(vault), 3_600, 60, 86_400, 2, 1))));
        insurance = IInsurance(_deploy("Insurance", abi.encode(vault)));
        settlement = new FreeSettlement(vault);
        address proof = address(new AnyProof());
        IEscape.Config memory c = IEscape.Config(
            address(vault), address(settlement), address(forced), address(insurance), proof, GRACE, NOTICE
        );
        escape = IEscape(_deploy("Escape", abi.encode(c)));
        market = IMarket(_deploy("Market", abi.encode(IMarket.Config(address(vault), 12_000, 500, 200))));
        rounds.bind(address(settlement), market);
        vault.bind(address(settlement), address(forced), address(insurance), address(escape), address(market));
    }

    /// @dev As Hardhat compiled it.
    function _deploy(string memory name, bytes memory arguments) private returns (address made) {
        string memory folder = VM.envOr("INVARIANTS_ARTIFACTS", string("artifacts/contracts/core"));
        string memory artifact = string.concat(folder, "/", name, ".sol/", name, ".json");
        bytes memory code = bytes.concat(VM.getCode(artifact), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), name);
    }

    /// @dev The k-th public key: multiples 101, 102, ... of the base point.
    function keyOf(uint256 k) internal pure returns (uint256 x, uint256 y) {
        if (k == 0) return (
                0x2e7c13bb58ca02cf1e7d2bfb0baa4eadb7886f11f0775ba3e50e152a0ae36857,
                0x2bf278f21bfad5ddbc70391b208ea72aaccfa89e43619cce43c423140da7ad81
            );
        if (k == 1) return (
                0x095d2fe1c7d07b5a53e8e966c1605ce6cdb3a1b5624edbeefd16a8c5d98af8c0,
                0x0f0bedb6fdf93ffd16c9843f773f90ef2e671e65ae045f229dc9027734c6e325
            );
        if (k == 2) return (
                0x282c7fdc54316cf995adc883f46abd8e98eaa300297970a979dc1e516b875689,
                0x22121e1715cf479a8a3b845c56a360252f3f3b6a67ebabbdd6e17c14d7e1f989
            );
        if (k == 3) return (
                0x2d61bc3309e115573909cea9c60a99a364dfb95bac4b939cb8d7eee869dfd3b4,
                0x1e21410b87cd942688ea453b51a7597359925ba26aca38b0c81a5c5742f0cf56
            );
        if (k == 4) return (
                0x1f41270b21a6236fe77038c2ae95dfba5dc18b0075ce0d8774c05682da30b605,
                0x2516e6ad11d596c1231dce1bee1c9e6763a95c5d57944478b4dabc3a8ad56a5c
            );
        return (
                0x0d5370de583312f4f0d308e83f4d438ff381f5b53f1e9c3c426363a9a200f141,
                0x2e3ae0a02bf857e218a5ca9b2b135307f5e0b7d891aa6cae6c2fd83559392282
            );
    }

    /// @dev Of the rollup's units: a token unit of asset 2 is 10^8 of them, one of asset 1 is 10^10 token units.
    function grain(uint256 asset) internal pure returns (uint256) {
        return asset == 2 ? 1e8 : 1;
    }

    function inTokens(uint256 asset, uint256 amount) internal pure returns (uint256) {
        return asset == 0 ? amount : asset == 1 ? amount * 1e10 : amount / 1e8;
    }
}
