// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IGovernance} from "../interfaces/IGovernance.sol";
import {IMarket, ITaker} from "../interfaces/IMarket.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Book} from "../libraries/Book.sol";
import {Scale, TokenUnits} from "../libraries/TokenUnits.sol";
import {NativeCredits} from "./NativeCredits.sol";

/// @title The vault's tokens and books: what comes in, what goes out, and whose it is; see `IVault`.
/// @dev The only calls of tokens are here, in `Deposits` and in `Withdrawals`: always last, with the books as they will
/// be, and never from a settlement. So a token that reverts, or calls back, stops nothing but its own payment.
abstract contract Custody is IVault, NativeCredits {
    using SafeERC20 for IERC20;

    uint256 private constant CAP_MAX = 1 << 63;

    struct Asset {
        IERC20 token;
        uint8 tokenDecimals;
        uint8 decimals;
        uint64 cap;
        uint64 minOpen;
        uint64 minDeposit;
        Scale scale;
    }

    /// @dev What `Checkpoint` holds, packed.
    struct Recorded {
        uint256 root;
        uint256[2] prices;
        uint40 round;
        uint40 timestamp;
        uint64 deposits;
        uint40 epoch;
        /// Epochs up to the last that ended with the backstop not under water, that one included.
        uint40 sound;
        int256 equity;
        uint256 value;
        uint128[8] consumed;
    }

    IRounds internal immutable ROUNDS;
    IGovernance internal immutable GOVERNANCE;
    /// @dev Cash included.
    uint256 internal immutable ASSETS;

    /// @inheritdoc IVault
    address public settlement;
    /// @inheritdoc IVault
    bool public frozen;
    /// @inheritdoc IVault
    uint64 public insuring;
    /// @inheritdoc IVault
    address public forced;
    /// @inheritdoc IVault
    address public insurance;
    /// @inheritdoc IVault
    address public escape;
    /// @inheritdoc IVault
    address public market;
    Asset[8] internal _assets;
    Book[8] internal _books;
    Recorded internal _record;

    modifier onlySettlement() {
        if (msg.sender != settlement) revert NotSettlement();
        _;
    }

    modifier onlyInsurance() {
        if (msg.sender != insurance) revert NotInsurance();
        _;
    }

    modifier onlyEscape() {
        if (msg.sender != escape) revert NotEscape();
        _;
    }

    modifier onlyMarket() {
        if (msg.sender != market) revert NotMarket();
        _;
    }

    modifier onlyGovernance() {
        if (msg.sender != address(GOVERNANCE)) revert NotGovernance();
        _;
    }

    modifier live() {
        _requireLive();
        _;
    }

    /// @param assets Assets 0, 1, ... as `Rounds` numbers them.
    constructor(IRounds rounds_, AssetConfig[] memory assets) {
        if (assets.length != rounds_.assetCount() + 1) revert InvalidConfig("assets");
        ROUNDS = rounds_;
        GOVERNANCE = IGovernance(rounds_.governance());
        ASSETS = assets.length;
        if (assets[0].token == address(0)) revert InvalidConfig("cash");
        for (uint256 a = 0; a < assets.length; ++a) {
            for (uint256 b = 0; b < a; ++b) {
                // Two assets of one token would share a balance.
                if (assets[a].token != address(0) && assets[a].token == assets[b].token) revert InvalidConfig("token");
            }
            _addAsset(a, assets[a], rounds_.decimals(a));
        }
    }

    /// @inheritdoc IVault
    function donate(uint8 asset, uint256 tokenAmount) external live nonReentrant {
        uint64 amount = _takeIn(asset, tokenAmount);
        if (amount == 0) revert AmountZero();
        _books[asset].backstop += int128(uint128(amount));
        if (asset != 0) IMarket(market).changed(asset, int256(uint256(amount)), false);
        emit Donated(msg.sender, asset, amount);
        _receive(asset, msg.sender, tokenAmount);
    }

    /// @inheritdoc IVault
    function lowerCap(uint8 asset, uint64 cap) external onlyGovernance {
        _assets[asset].cap = cap;
    }

    /// @inheritdoc IVault
    /// @dev What goes out is of free custody, never what was promised to somebody; nor what a freeze would give back of
    /// deposits since the last checkpoint.
    function exchange(
        uint8 out,
        uint256 given,
        uint8 into,
        uint256 owed,
        address taker,
        address recipient,
        bytes calldata data
    ) external onlyMarket live nonReentrant {
        requireWithdrawable(out, given);
        requireWithdrawable(into, owed);
        _requireFree(out, given);
        uint256 kept = _books[out].consumed - _record.consumed[out];
        uint256 held = free(out) + _books[out].pending;
        if (given + kept > held) revert BeyondFreeCustody(out, given, held > kept ? held - kept : 0);
        _books[out].custody -= uint64(given);
        _books[out].backstop -= int128(uint128(given));
        _books[into].custody += uint64(owed);
        _books[into].backstop += int128(uint128(owed));
        given = _assets[out].scale.toTokenDown(given);
        owed = _assets[into].scale.toTokenDown(owed);
        _assets[out].token.safeTransfer(recipient, given);
        // One of the two is cash, of number 0.
        if (data.length > 0) ITaker(taker).onTake(out + into, into == 0, given, owed, data);
        _receive(into, taker, owed);
    }

    /// @inheritdoc IVault
    function insureIn(address from, uint256 tokenAmount)
        external
        onlyInsurance
        live
        nonReentrant
        returns (uint64 amount)
    {
        amount = _takeIn(0, tokenAmount);
        if (amount == 0) revert AmountZero();
        insuring += amount;
        _receive(0, from, tokenAmount);
    }

    /// @inheritdoc IVault
    function insureOut(address to, uint64 amount) external onlyInsurance nonReentrant {
        insuring -= amount;
        _books[0].custody -= amount;
        // It came in as whole token units.
        _assets[0].token.safeTransfer(to, _assets[0].scale.toTokenDown(amount));
    }

    /// @inheritdoc IVault
    function payCash(address to, uint64 amount) external onlyInsurance nonReentrant returns (uint64 paid) {
        uint256 tokenAmount;
        (paid, tokenAmount) = _assets[0].scale.payableDown(amount);
        _books[0].claimable -= paid;
        _books[0].custody -= paid;
        _assets[0].token.safeTransfer(to, tokenAmount);
    }

    /// @inheritdoc IVault
    function payShare(uint8 asset, address to, uint64 amount, bool ofBackstop)
        external
        onlyEscape
        nonReentrant
        returns (uint256 tokenAmount)
    {
        uint64 paid;
        (paid, tokenAmount) = _assets[asset].scale.payableDown(amount);
        Book storage book = _books[asset];
        book.custody -= paid;
        if (ofBackstop) book.backstop -= int128(uint128(paid));
        else book.accounts -= int128(uint128(paid));
        _assets[asset].token.safeTransfer(to, tokenAmount);
    }

    /// @inheritdoc IVault
    function ledger(uint8 asset) external view returns (Ledger memory) {
        Book memory b = _books[asset];
        return Ledger(
            b.custody, b.queued, b.pending, b.claimable - b.waiting, b.accounts, b.backstop, b.consumed, b.waiting
        );
    }

    /// @inheritdoc IVault
    function free(uint8 asset) public view returns (uint256) {
        return _books[asset].free(asset == 0 ? insuring : 0);
    }

    /// @inheritdoc IVault
    function shortfall(uint8 asset) external view returns (uint256) {
        uint256 balance = _assets[asset].scale.toUnitsDown(_assets[asset].token.balanceOf(address(this)));
        uint256 custody = _books[asset].custody;
        return balance < custody ? custody - balance : 0;
    }

    /// @inheritdoc IVault
    function backstop() external view returns (int256[8] memory vector) {
        for (uint256 a = 0; a < 8; ++a) {
            vector[a] = _books[a].backstop;
        }
    }

    /// @inheritdoc IVault
    function requireWithdrawable(uint256 asset, uint256 amount) public view {
        if (asset >= ASSETS || address(_assets[asset].token) == address(0)) revert NotSpot(asset);
        if (amount == 0) revert AmountZero();
        if (amount > CAP_MAX) revert AmountTooLarge(amount);
        if (amount % _assets[asset].scale.unitsPerTokenUnit != 0) revert NotRepresentable(asset, amount);
    }

    /// @inheritdoc IVault
    function assetInfo(uint8 asset)
        external
        view
        returns (
            address token,
            uint8 tokenDecimals,
            uint8 decimals,
            uint64 cap,
            uint64 minOpen,
            uint64 minDeposit
        )
    {
        Asset storage a = _assets[asset];
        return (address(a.token), a.tokenDecimals, a.decimals, a.cap, a.minOpen, a.minDeposit);
    }

    /// @inheritdoc IVault
    function rounds() external view returns (address) {
        return address(ROUNDS);
    }

    /// @dev In one place: the code is near its limit.
    function _requireLive() private view {
        if (settlement == address(0)) revert NotBound();
        if (frozen) revert Frozen();
    }

    function _addAsset(uint256 number, AssetConfig memory c, uint8 decimals) private {
        Asset storage asset = _assets[number];
        asset.decimals = decimals;
        if (c.token == address(0)) return;
        if (c.cap == 0 || c.cap > CAP_MAX) revert InvalidConfig("cap");
        if (c.minOpen == 0 || c.minDeposit == 0) revert InvalidConfig("minimum");
        uint8 tokenDecimals = IERC20Metadata(c.token).decimals();
        if (tokenDecimals > 36) revert InvalidConfig("tokenDecimals");
        asset.token = IERC20(c.token);
        asset.tokenDecimals = tokenDecimals;
        asset.cap = c.cap;
        asset.minOpen = c.minOpen;
        asset.minDeposit = c.minDeposit;
        asset.scale = TokenUnits.scale(tokenDecimals, decimals);
    }

    /// @dev Books what is about to be received; the caller books whose it is.
    function _takeIn(uint8 asset, uint256 tokenAmount) internal returns (uint64 amount) {
        if (asset >= ASSETS || address(_assets[asset].token) == address(0)) revert NotSpot(asset);
        Asset storage a = _assets[asset];
        uint256 units = a.scale.toUnitsDown(tokenAmount);
        if (!a.scale.isWhole(tokenAmount)) revert NotRepresentable(asset, tokenAmount);
        uint256 custody = _books[asset].custody;
        if (units > a.cap || custody + units > a.cap) revert CapExceeded(custody, a.cap);
        _books[asset].custody = uint64(custody + units);
        return uint64(units);
    }

    function _receive(uint8 asset, address from, uint256 tokenAmount) internal {
        IERC20 token = _assets[asset].token;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), tokenAmount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != tokenAmount) revert WrongReceived(received, tokenAmount);
    }

    function _requireFree(uint256 asset, uint256 amount) internal view {
        uint256 available = free(uint8(asset));
        if (amount > available) revert BeyondFreeCustody(asset, amount, available);
    }
}
