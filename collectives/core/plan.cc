#include "collectives/core/plan.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace everstep {
namespace {

using Rank = std::uint32_t;

PlanRound Exchange(const PlannedSend& send, const PlannedReceive& receive) {
  return {.copies = {}, .sends = {send}, .receives = {receive}};
}

// Half a ring: N-1 rounds in which the block that arrived goes on. `lead`: which block leaves in the first round, counted back
// from the own.
void AppendRing(Plan& plan, Rank lead, bool add) {
  const Rank n = plan.ranks;
  const Rank next = (plan.rank + 1) % n;
  const Rank previous = (plan.rank + n - 1) % n;
  for (Rank round = 0; round + 1 < n; ++round) {
    const Rank out = (plan.rank + 2 * n - lead - round) % n;
    const Rank in = (out + n - 1) % n;
    plan.rounds.push_back(Exchange({.peer = next, .blocks = {out, 1}}, {.peer = previous, .blocks = {in, 1}, .add = add}));
  }
}

// One round in which each rank has the others' part of its own block added to it.
void AppendDirectReduce(Plan& plan) {
  PlanRound round;
  for (Rank distance = 1; distance < plan.ranks; ++distance) {
    const Rank to = (plan.rank + distance) % plan.ranks;
    const Rank from = (plan.rank + plan.ranks - distance) % plan.ranks;
    round.sends.push_back({.peer = to, .blocks = {to, 1}});
    round.receives.push_back({.peer = from, .blocks = {plan.rank, 1}, .add = true});
  }
  plan.rounds.push_back(round);
}

void AppendDirectGather(Plan& plan) {
  PlanRound round;
  for (Rank distance = 1; distance < plan.ranks; ++distance) {
    const Rank to = (plan.rank + distance) % plan.ranks;
    const Rank from = (plan.rank + plan.ranks - distance) % plan.ranks;
    round.sends.push_back({.peer = to, .blocks = {plan.rank, 1}});
    round.receives.push_back({.peer = from, .blocks = {from, 1}, .add = false});
  }
  plan.rounds.push_back(round);
}

void AppendStar(Plan& plan) {
  const Blocks all{0, plan.blocks};
  PlanRound in, out;
  for (Rank other = 1; other < plan.ranks; ++other) {
    if (plan.rank == 0) in.receives.push_back({.peer = other, .blocks = all, .add = true});
    if (plan.rank == 0) out.sends.push_back({.peer = other, .blocks = all});
  }
  if (plan.rank != 0) in.sends.push_back({.peer = 0, .blocks = all});
  if (plan.rank != 0) out.receives.push_back({.peer = 0, .blocks = all, .add = false});
  plan.rounds.push_back(in);
  plan.rounds.push_back(out);
}

// The power of two of ranks that is left when the others have folded into their neighbours, numbered anew as "players".
struct Fold {
  Rank players = 1;
  Rank folded = 0;

  explicit Fold(Rank ranks) : players(std::bit_floor(ranks)), folded(ranks - players) {}
  bool Folds(Rank rank) const { return rank < 2 * folded && rank % 2 == 1; }
  bool HasFolded(Rank rank) const { return rank < 2 * folded && rank % 2 == 0; }
  Rank PlayerOf(Rank rank) const { return rank < 2 * folded ? rank / 2 : rank - folded; }
  Rank RankOf(Rank player) const { return player < folded ? 2 * player : player + folded; }
  // The ranks, hence the blocks, that players [first, first + count) stand for.
  Blocks Owned(Rank first, Rank count) const {
    const Rank begin = RankOf(first);
    const Rank end = first + count < players ? RankOf(first + count) : players + folded;
    return {begin, end - begin};
  }
};

// How blocks are dealt to players: one each (all-reduce), or those of the ranks that a player stands for.
Blocks Dealt(const Fold& fold, bool one_each, Rank first, Rank count) {
  return one_each ? Blocks{first, count} : fold.Owned(first, count);
}

void AppendFoldIn(Plan& plan, const Fold& fold, bool add, Blocks blocks_of_folded) {
  if (fold.folded == 0) return;
  PlanRound round;
  if (fold.Folds(plan.rank)) round.sends.push_back({.peer = plan.rank - 1, .blocks = blocks_of_folded});
  if (fold.HasFolded(plan.rank)) round.receives.push_back({.peer = plan.rank + 1, .blocks = blocks_of_folded, .add = add});
  plan.rounds.push_back(round);
}

void AppendFoldOut(Plan& plan, const Fold& fold, Blocks blocks_of_folded) {
  if (fold.folded == 0) return;
  PlanRound round;
  if (fold.HasFolded(plan.rank)) round.sends.push_back({.peer = plan.rank + 1, .blocks = blocks_of_folded});
  if (fold.Folds(plan.rank)) round.receives.push_back({.peer = plan.rank - 1, .blocks = blocks_of_folded, .add = false});
  plan.rounds.push_back(round);
}

// Each round halves the blocks that a player is responsible for: those of the partner's half go out, the own half's come in.
void AppendHalving(Plan& plan, const Fold& fold, bool one_each) {
  for (Rank half = fold.players / 2; half > 0; half /= 2) {
    if (fold.Folds(plan.rank)) {
      plan.rounds.push_back({});
      continue;
    }
    const Rank player = fold.PlayerOf(plan.rank);
    const Rank partner = player ^ half;
    const Blocks out = Dealt(fold, one_each, partner / half * half, half);
    const Blocks in = Dealt(fold, one_each, player / half * half, half);
    plan.rounds.push_back(
        Exchange({.peer = fold.RankOf(partner), .blocks = out}, {.peer = fold.RankOf(partner), .blocks = in, .add = true}));
  }
}

void AppendDoubling(Plan& plan, const Fold& fold, bool one_each) {
  for (Rank half = 1; half < fold.players; half *= 2) {
    if (fold.Folds(plan.rank)) {
      plan.rounds.push_back({});
      continue;
    }
    const Rank player = fold.PlayerOf(plan.rank);
    const Rank partner = player ^ half;
    const Blocks out = Dealt(fold, one_each, player / half * half, half);
    const Blocks in = Dealt(fold, one_each, partner / half * half, half);
    plan.rounds.push_back(
        Exchange({.peer = fold.RankOf(partner), .blocks = out}, {.peer = fold.RankOf(partner), .blocks = in, .add = false}));
  }
}

void AppendRecursiveDoubling(Plan& plan, const Fold& fold) {
  const Blocks all{0, plan.blocks};
  AppendFoldIn(plan, fold, true, all);
  for (Rank bit = 1; bit < fold.players; bit *= 2) {
    if (fold.Folds(plan.rank)) {
      plan.rounds.push_back({});
      continue;
    }
    const Rank partner = fold.RankOf(fold.PlayerOf(plan.rank) ^ bit);
    plan.rounds.push_back(Exchange({.peer = partner, .blocks = all}, {.peer = partner, .blocks = all, .add = true}));
  }
  AppendFoldOut(plan, fold, all);
}

void FillAllReduce(Plan& plan) {
  const Fold fold(plan.ranks);
  switch (plan.algorithm) {
    case Algorithm::ring:
      plan.blocks = plan.ranks;
      AppendRing(plan, 0, true);
      AppendRing(plan, plan.ranks - 1, false);
      return;
    case Algorithm::direct:
      plan.blocks = plan.ranks;
      AppendDirectReduce(plan);
      return AppendDirectGather(plan);
    case Algorithm::star: return AppendStar(plan);
    case Algorithm::recursive_doubling: return AppendRecursiveDoubling(plan, fold);
    case Algorithm::halving_doubling:
      plan.blocks = fold.players;
      AppendFoldIn(plan, fold, true, {0, plan.blocks});
      AppendHalving(plan, fold, true);
      AppendDoubling(plan, fold, true);
      return AppendFoldOut(plan, fold, {0, plan.blocks});
  }
}

void FillReduceScatter(Plan& plan) {
  plan.blocks = plan.ranks;
  if (plan.algorithm == Algorithm::ring) return AppendRing(plan, 1, true);
  if (plan.algorithm == Algorithm::direct) return AppendDirectReduce(plan);
  const Fold fold(plan.ranks);
  AppendFoldIn(plan, fold, true, {0, plan.blocks});
  AppendHalving(plan, fold, false);
  AppendFoldOut(plan, fold, {plan.rank | 1, 1});
}

void FillAllGather(Plan& plan) {
  plan.blocks = plan.ranks;
  if (plan.algorithm == Algorithm::ring) return AppendRing(plan, 0, false);
  if (plan.algorithm == Algorithm::direct) return AppendDirectGather(plan);
  const Fold fold(plan.ranks);
  AppendFoldIn(plan, fold, false, {plan.rank | 1, 1});
  AppendDoubling(plan, fold, false);
  AppendFoldOut(plan, fold, {0, plan.blocks});
}

void FillAllToAll(Plan& plan) {
  const Rank n = plan.ranks;
  plan.blocks = 2 * n;
  for (Rank distance = 1; distance < n; ++distance) {
    const Rank to = (plan.rank + distance) % n;
    const Rank from = (plan.rank + n - distance) % n;
    if (plan.rounds.empty() || plan.algorithm == Algorithm::ring) plan.rounds.emplace_back();
    plan.rounds.back().sends.push_back({.peer = to, .blocks = {to, 1}});
    plan.rounds.back().receives.push_back({.peer = from, .blocks = {n + from, 1}, .add = false});
  }
  if (plan.rounds.empty()) plan.rounds.emplace_back();
  plan.rounds.front().copies.push_back({.from = plan.rank, .to = n + plan.rank});
}

}  // namespace

bool Has(Collective collective, Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::ring:
    case Algorithm::direct: return true;
    case Algorithm::halving_doubling: return collective != Collective::all_to_all;
    case Algorithm::recursive_doubling:
    case Algorithm::star: return collective == Collective::all_reduce;
  }
  return false;
}

Plan PlanFor(Collective collective, Algorithm algorithm, std::uint32_t ranks, std::uint32_t rank) {
  Check(Has(collective, algorithm) && rank < ranks, "the collective has this algorithm, and this rank takes part");
  Plan plan{.collective = collective, .algorithm = algorithm, .ranks = ranks, .rank = rank, .blocks = 1, .rounds = {}};
  if (collective == Collective::all_to_all) {
    FillAllToAll(plan);
  } else if (ranks == 1) {
    return plan;
  } else if (collective == Collective::all_reduce) {
    FillAllReduce(plan);
  } else if (collective == Collective::reduce_scatter) {
    FillReduceScatter(plan);
  } else {
    FillAllGather(plan);
  }
  return plan;
}

}  // namespace everstep
