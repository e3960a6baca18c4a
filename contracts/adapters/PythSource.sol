// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPyth} from "@pythnetwork/pyth-sdk-solidity/IPyth.sol";
import {PythStructs} from "@pythnetwork/pyth-sdk-solidity/PythStructs.sol";

import {ISource} from "../interfaces/ISource.sol";

/// @title A price of Pyth. Whoever posts a round brings the update, and pays Pyth for it, in a transaction before.
/// @dev So they choose among the updates of the last moments: a price older than `AGE_MOST` is no answer, whatever the
/// heartbeat.
contract PythSource is ISource {
    uint256 public constant AGE_MOST = 60;
    uint8 private constant NO_DECIMALS = type(uint8).max;

    IPyth public immutable pyth;
    bytes32 public immutable id;

    constructor(IPyth pyth_, bytes32 id_) {
        (pyth, id) = (pyth_, id_);
    }

    /// @inheritdoc ISource
    function decimals() external view returns (uint8) {
        return _decimals(pyth.getPriceUnsafe(id));
    }

    /// @inheritdoc ISource
    function timeWeighted() external pure returns (bool) {
        return false;
    }

    /// @inheritdoc ISource
    function read()
        external
        view
        returns (uint256 price, uint256 confidence, uint256 time, uint256 currentDecimals)
    {
        PythStructs.Price memory p = pyth.getPriceNoOlderThan(id, AGE_MOST);
        return (p.price > 0 ? uint256(uint64(p.price)) : 0, p.conf, p.publishTime, _decimals(p));
    }

    /// @dev An exponent that no source may have gives decimals that none has.
    function _decimals(PythStructs.Price memory p) private pure returns (uint8) {
        return p.expo > 0 || p.expo < -18 ? NO_DECIMALS : uint8(uint32(-p.expo));
    }
}
