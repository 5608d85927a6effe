"""The whole delivery engine in one process, under a scheduler whose every choice comes from one number.

What is real: the SQL on PostgreSQL, the relay, the clock's chores, the sweepers, and the consumer's `Worker` with all
its stages, sources and retries as in production. What is simulated: time, the broker, the vendor, and the cable to the
database. A process waits whenever it asks anything outside of itself; how long, and whether it dies there, is chosen
by the seed. So a history is replayed by its number: `python -m tests.simulation --seed 4711`.

Decided here, and why:

- **The real SQL, no ledger in memory.** On a server without fsync a statement takes 0.1 to 0.6 ms and a whole history
  about 100 ms, half of it PostgreSQL's: five to six hundred in a minute for each process. A second ledger would have to
  be kept in step with the first by a contract suite, and would not find what is wrong in the statements, where most of
  the guarantees live.
- **The database's clock is a function in front of the real one.** Sessions search the schema `simulation` first, where
  `now()` answers the simulated time and the ledger's tables are copies of the migrated ones. No statement of
  production knows.
- **Waiting times are random, the order of callbacks is not.** asyncio promises first come, first served within one
  process, and production may rely on it. Two processes, or two answers from outside, come in any order.
- **Two transactions may be open at once.** A statement that meets a lock of a transaction that is waiting is sent
  again later, as if it had waited there. Deadlocks between two statements that run at the same instant cannot be
  seen here; `tests/integration/ledger/test_concurrency.py` looks for those with threads.
"""
