import { parseAbi } from 'viem'

// What a wallet needs of the contracts; a test compares it with their artifacts.

export const SETTLEMENT_ABI = parseAbi([
  'struct Opening { uint8 slot; uint64[7] floors; uint64[7] ceilings; }',
  'struct Proof { uint256[2] a; uint256[2][2] b; uint256[2] c; }',
  'struct Batch { Opening[] openings; uint8 circuit; uint8[] window; uint256[] values; uint256 digest; Proof proof; bytes memo; }',
  'struct Config { address operator; address vault; address sweepVerifier; address resolveVerifier; address transactVerifier; uint64 minLiability; uint8 slots; uint256[2] sequencerKey; }',
  'function settle(Batch[] batches)',
  'function config() view returns (Config)',
  'function accountsRoot() view returns (uint256)',
  'function deployedAt() view returns (uint256)',
  'event Settled(uint256 indexed round, bool complete)',
  'event Genesis(uint256 root, uint256 inboxHead, uint256 count)',
])

export const VAULT_ABI = parseAbi([
  'struct Deposit { address depositor; uint8 asset; uint8 kind; uint8 state; uint32 index; uint40 deadline; uint64 amount; uint256 ax; uint256 ay; }',
  'struct Withdrawal { address recipient; uint8 asset; uint64 amount; uint64 epoch; bool claimed; }',
  'struct Checkpoint { uint256 root; uint64[7] prices; uint64 round; uint40 timestamp; uint64 deposits; uint64 epoch; int256 equity; uint256 value; uint128[8] consumed; }',
  'struct Config { address rounds; uint32 depositDelay; uint32 depositSpacing; uint32 unwindDuration; uint256 openingFee; }',
  'function open(uint8 asset, uint256 tokenAmount, uint256 ax, uint256 ay) payable returns (uint256 depositId, uint32 index)',
  'function topUp(uint32 index, uint8 asset, uint256 tokenAmount) returns (uint256 depositId)',
  'function claim(uint256 withdrawalId)',
  'function deposit(uint256 id) view returns (Deposit)',
  'function depositQueue() view returns (uint256 first, uint256 end)',
  'function withdrawal(uint256 id) view returns (Withdrawal)',
  'struct Ledger { uint64 custody; uint64 queued; uint64 pending; uint64 claimable; int128 accounts; int128 backstop; uint128 consumed; }',
  'function ledger(uint8 asset) view returns (Ledger)',
  'function frozen() view returns (bool)',
  'function unwindPrice(uint8 asset) view returns (uint256)',
  'function checkpointedAt() view returns (uint256)',
  'function refund(uint256 depositId)',
  'function epochs() view returns (uint256)',
  'function lastCheckpoint() view returns (Checkpoint)',
  'function free(uint8 asset) view returns (uint256)',
  'function ratio(uint256 epoch) view returns (uint256 num, uint256 den)',
  'function requireWithdrawable(uint256 asset, uint256 amount) view',
  'function assetInfo(uint8 asset) view returns (address token, uint8 tokenDecimals, uint8 decimals, uint64 cap, uint64 minOpen, uint64 minDeposit)',
  'function config() view returns (Config)',
  'function rounds() view returns (address)',
  'function settlement() view returns (address)',
  'function forced() view returns (address)',
  'function insurance() view returns (address)',
  'function escape() view returns (address)',
  'event Deposited(uint256 indexed id, uint256 indexed index, uint8 kind, uint8 asset, uint64 amount, uint256 ax, uint256 ay, address depositor, uint256 deadline)',
  'event WithdrawalPending(uint256 indexed id, uint256 indexed index, address indexed recipient, uint8 asset, uint64 amount, uint256 epoch)',
  'event Checkpointed(uint256 indexed epoch, uint256 root, uint256 round, uint256 deposits, uint256 num, uint256 den)',
  'event Claimed(uint256 indexed id, uint256 tokenAmount)',
  'event Refunded(uint256 indexed id, uint256 tokenAmount)',
  'error Frozen()',
  'error NotSpot(uint256 asset)',
  'error NotRepresentable(uint256 asset, uint256 amount)',
  'error WrongFee(uint256 expected)',
  'error BelowMinimum(uint256 amount, uint256 minimum)',
  'error CapExceeded(uint256 custody, uint256 cap)',
  'error AccountsFull()',
  'error UnknownAccount(uint256 index)',
  'error WrongReceived(uint256 received, uint256 expected)',
  'error NotCheckpointed(uint256 id)',
  'error NotRecipient()',
  'error AlreadyClaimed(uint256 id)',
  'error UnknownWithdrawal(uint256 id)',
])

export const FORCED_ABI = parseAbi([
  'struct Config { address vault; uint32 forcedDelay; uint32 forcedSpacing; uint32 expirySlack; uint256 bond; uint256 forcedFee; }',
  'struct Request { address requester; uint32 index; uint8 state; uint8 asset; uint40 deadline; address recipient; uint64 amount; uint32 place; uint40 expiry; uint64 round; uint256[2] r8; uint256 s; }',
  'function reserve(uint32 index) payable returns (uint64 number)',
  'function submit(uint64 number, uint8 asset, uint64 amount, address recipient, uint40 expiry, uint256[2] r8, uint256 s)',
  'function release(uint64 number)',
  'function closeExpired(uint64 number)',
  'function takeBond(uint64 number)',
  'function takeCoins()',
  'function coins(address owner) view returns (uint256)',
  'function queue() view returns (uint256 first, uint256 end)',
  'function numberAt(uint256 place) view returns (uint64)',
  'function request(uint64 number) view returns (Request)',
  'function requestOf(uint32 index, address requester) view returns (uint64)',
  'function config() view returns (Config)',
  'event Reserved(uint64 indexed number, uint32 indexed index, address indexed requester)',
  'event Submitted(uint64 indexed number, uint32 indexed index, uint8 asset, uint64 amount, address recipient, uint40 expiry, uint256[2] r8, uint256 s, uint256 deadline)',
  'error Frozen()',
  'error WrongBond(uint256 expected)',
  'error OnePerAccount(uint64 number)',
  'error ExpiryTooSoon(uint256 earliest)',
])

export const ESCAPE_ABI = parseAbi([
  'struct Proof { uint256[2] a; uint256[2][2] b; uint256[2] c; }',
  'struct Exit { address recipient; uint8 pulled; bool exited; uint256 equity; }',
  'struct Config { address vault; address settlement; address forced; address insurance; address exitVerifier; uint32 grace; uint32 noticePeriod; }',
  'function stalled(uint64 request) view returns (bool)',
  'function declareStall(uint64 request)',
  'function tick(uint64 request)',
  'function freeze(uint64 request)',
  'function exit(uint32 index, address recipient, uint256 equity, uint256 digest, Proof proof)',
  'function pull(uint32 index, uint8 asset)',
  'function pullShares(uint8 asset)',
  'function exitOf(uint32 index) view returns (Exit)',
  'function snapshot() view returns (uint64[8] holdings, uint256 denominator)',
  'function notice(uint64 request) view returns (bool declared, uint256 elapsed, uint256 lastTick)',
  'function config() view returns (Config)',
  'event Pulled(uint32 indexed index, uint8 indexed asset, uint256 tokenAmount)',
  'event SharesPulled(address indexed insurer, uint8 indexed asset, uint256 tokenAmount)',
  'error NotStalled()',
  'error NotDeclared()',
  'error NoticeRunning(uint256 elapsed)',
  'error NotFrozen()',
  'error AlreadyExited(uint32 index)',
  'error NotExited(uint32 index)',
  'error AlreadyPulled()',
  'error InvalidProof()',
])

export const INSURANCE_ABI = parseAbi([
  'function insure(uint256 tokenAmount)',
  'function cancel()',
  'function redeem(uint256 shares)',
  'function collect()',
  'function sharesOf(address insurer) view returns (uint256 shares, uint256 total)',
  'function accepting() view returns (bool)',
  'function position(address insurer) view returns (uint64 waiting, uint256 offered, uint64 collectable)',
  'error Frozen()',
  'error NothingWaiting()',
  'error NothingToCollect()',
  'error CheckpointDue()',
])

export const ROUNDS_ABI = parseAbi([
  'struct Config { address admin; uint8 cashDecimals; uint32 provingTime; uint32 roundMin; uint32 roundShort; uint32 maxAge; uint32 parameterDelay; }',
  'function config() view returns (Config)',
  'function fresh() view returns (bool)',
  'function liveTime() view returns (uint256)',
  'function postRound()',
  'function marks() view returns (uint64[9][7])',
  'function round() view returns (uint256 number, uint256 timestamp, uint64[7] prices)',
  'function decimals(uint256 asset) view returns (uint8)',
  'function assetCount() view returns (uint256)',
])

export const TOKEN_ABI = parseAbi([
  // Tokens there are that return nothing: a refusal is a revert in any case.
  'function approve(address spender, uint256 amount)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function balanceOf(address owner) view returns (uint256)',
  'function decimals() view returns (uint8)',
  'function symbol() view returns (string)',
])

/** All errors that these contracts and most tokens have, whichever of them was called. */
export const ERRORS_ABI = [
  ...[...VAULT_ABI, ...FORCED_ABI, ...ESCAPE_ABI, ...INSURANCE_ABI].filter((item) => item.type === 'error'),
  ...parseAbi([
    'error BatchExpired(uint256 validUntil, uint256 timestamp)',
    'error NoFreshRound()',
    'error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)',
    'error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)',
  ]),
]

/** Of the tokens that a deployment makes up on a local chain: anyone may have them. */
export const MOCK_TOKEN_ABI = parseAbi(['function mint(address to, uint256 amount)'])
