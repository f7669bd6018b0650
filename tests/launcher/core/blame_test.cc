// The table of configs/blame.yaml, and what the core makes of it.
#include "launcher/core/blame.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "launcher/config/blame_file.h"

namespace everstep {
namespace {

BlameRules Shipped() {
  Result<BlameRules> rules = BlameRulesFrom({});
  EXPECT_TRUE(rules) << rules.error().Str();
  return rules.value_or(BlameRules());
}

RankExit Exit(std::uint32_t code, std::string tail = {}) { return {.code = code, .tail = std::move(tail)}; }
RankExit Signal(std::uint32_t signal, std::string tail = {}) { return {.signal = signal, .tail = std::move(tail)}; }

// Reading the file proves that every rule finds its samples first, and not its lookalikes.
TEST(BlameTable, TheShippedTableHoldsAndNamesEveryClass) {
  const BlameRules rules = Shipped();
  ASSERT_GT(rules.table().size(), 30u);
  std::size_t samples = 0;
  for (const std::string_view name : NamesOf(BlameClass{})) {
    const bool there = std::any_of(rules.table().begin(), rules.table().end(),
                                   [&](const BlameRule& rule) { return Name(rule.blame) == name; });
    EXPECT_TRUE(there) << "no rule of class " << name;
  }
  for (const BlameRule& rule : rules.table()) samples += rule.samples.size();
  EXPECT_GT(samples, 80u);
}

struct Case {
  const char* name;
  RankExit exit;
  EndClass kind;
  BlameClass blame;
  RetryRule retry;
  const char* says;
};

void ExpectCauses(const std::vector<Case>& cases) {
  const BlameRules rules = Shipped();
  for (const Case& c : cases) {
    const Culprit culprit = Judge(rules, {.rank = 1, .node = NodeId("n2"), .exit = c.exit});
    EXPECT_EQ(Name(Classify(rules, c.exit)), Name(c.kind)) << c.name;
    EXPECT_EQ(Name(culprit.kind), Name(c.kind)) << c.name;
    EXPECT_EQ(Name(culprit.blame.kind), Name(c.blame)) << c.name;
    EXPECT_EQ(Name(culprit.retry), Name(c.retry)) << c.name;
    EXPECT_EQ(culprit.blame.cause, Cat("rank 1 on n2 ", c.says)) << c.name;
  }
}

TEST(BlameTable, WhatWasPrintedBeforeAnEndDoesNotSpeakForIt) {
  const std::string chatter =
      "s3: attempt 1: Connection reset by peer, retrying\nWARNING could not write the cache: Permission denied\n"
      "DEBUG trying optional: No module named 'apex'\n";
  const std::string traceback = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n";
  const std::string chain = "\nThe above exception was the direct cause of the following exception:\n\n";
  const std::vector<Case> cases{
      {"an exception of its own", Exit(1, chatter + traceback + "RuntimeError: the labels have 11 classes, the head has 10"),
       EndClass::error, BlameClass::unknown, RetryRule::counts,
       "exited with code 1: RuntimeError: the labels have 11 classes, the head has 10"},
      {"one that no rule knows", Exit(1, chatter + traceback + "TrainingDiverged: loss is nan"), EndClass::error,
       BlameClass::code, RetryRule::counts, "exited with code 1: TrainingDiverged: loss is nan"},
      {"sys.exit with words", Exit(1, chatter + "config is wrong: lr must be > 0"), EndClass::error, BlameClass::unknown,
       RetryRule::counts, "exited with code 1: config is wrong: lr must be > 0"},
      {"what a chained exception came of gives the class, the last one the words",
       Exit(1, traceback + "KeyError: 'a'\n" + chain + traceback + "LookupFailed: no row for a"), EndClass::error,
       BlameClass::code, RetryRule::counts, "exited with code 1: LookupFailed: no row for a"},
      {"a victim, in words of its own",
       Exit(1, traceback + "ConnectionResetError: [Errno 104] Connection reset by peer\n" + chain + traceback +
                   "RuntimeError: the ring is broken"),
       EndClass::victim, BlameClass::fabric, RetryRule::budget, "exited with code 1: RuntimeError: the ring is broken"},
      {"an exception that goes on in its next line",
       Exit(1, traceback + "RuntimeError: Error(s) in loading state_dict for Linear:\n\tsize mismatch for weight: copying a "
                           "param with shape (3, 4)"),
       EndClass::error, BlameClass::code, RetryRule::counts,
       "exited with code 1: RuntimeError: Error(s) in loading state_dict for Linear:  size mismatch for weight: copying a "
       "param "
       "with shape (3, 4)"},
      {"torchrun's own exception is not the cause",
       Exit(1, traceback + "ValueError: boom\n" + traceback +
                   "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n=====\ntrain.py FAILED\n"),
       EndClass::error, BlameClass::code, RetryRule::counts, "exited with code 1: ValueError: boom"},
  };
  ExpectCauses(cases);
}

TEST(BlameTable, EndsArePutDownToTheirCauses) {
  const std::string reset = "RuntimeError: [pair.cc:534] Connection reset by peer";
  const std::vector<Case> cases{
      {"a kill from outside", Signal(9, reset), EndClass::signal, BlameClass::unknown, RetryRule::counts,
       "was killed by SIGKILL"},
      {"the kernel's killer",
       {.signal = 9, .oom_kill = true},
       EndClass::oom,
       BlameClass::oom,
       RetryRule::counts,
       "was killed by SIGKILL (out of memory)"},
      {"a crash in native code, whatever was printed before", Signal(11, reset), EndClass::signal, BlameClass::code,
       RetryRule::counts, "was killed by SIGSEGV: RuntimeError: [pair.cc:534] Connection reset by peer"},
      {"abort() after a watchdog's words",
       Signal(6, "[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=7)\nterminate called\nAborted"),
       EndClass::victim, BlameClass::unknown, RetryRule::counts,
       "was killed by SIGABRT: [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=7)"},
      {"an exception of its own", Exit(1, "Traceback\n  File\nValueError: boom"), EndClass::error, BlameClass::code,
       RetryRule::counts, "exited with code 1: ValueError: boom"},
      {"an exception of its own after a warning about a link",
       Exit(1, "warning: Connection reset by peer, trying again\nTraceback\nKeyError: 'x'"), EndClass::error, BlameClass::code,
       RetryRule::counts, "exited with code 1: KeyError: 'x'"},
      {"a victim whose last words are others'", Exit(1, reset + "\nwandb: Synced 5 files"), EndClass::victim,
       BlameClass::fabric, RetryRule::budget, "exited with code 1: RuntimeError: [pair.cc:534] Connection reset by peer"},
      {"rank prefix and capital letters", Exit(1, "[rank3]: RuntimeError: CONNECTION RESET BY PEER"), EndClass::victim,
       BlameClass::fabric, RetryRule::budget, "exited with code 1: RuntimeError: CONNECTION RESET BY PEER"},
      {"an error that no rule knows", Exit(7, "RuntimeError: cannot upload the model"), EndClass::error, BlameClass::unknown,
       RetryRule::counts, "exited with code 7: RuntimeError: cannot upload the model"},
      {"no word at all", Exit(3), EndClass::error, BlameClass::unknown, RetryRule::counts, "exited with code 3"},
      {"a faulty accelerator", Exit(1, "RuntimeError: CUDA error: uncorrectable ECC error encountered"), EndClass::error,
       BlameClass::gpu, RetryRule::avoid, "exited with code 1: RuntimeError: CUDA error: uncorrectable ECC error encountered"},
      {"usage, code 2 alone is not enough", Exit(2, "ValueError: two"), EndClass::error, BlameClass::code, RetryRule::counts,
       "exited with code 2: ValueError: two"},
      {"usage", Exit(2, "usage: t.py\nt.py: error: unrecognized arguments: --x"), EndClass::error, BlameClass::user,
       RetryRule::never, "exited with code 2: t.py: error: unrecognized arguments: --x"},
      {"a scheduler's SIGTERM", Signal(15), EndClass::signal, BlameClass::preemption, RetryRule::budget,
       "was killed by SIGTERM"},
      {"our own",
       {.signal = 15, .stopped_by_us = true},
       EndClass::stopped,
       BlameClass::preemption,
       RetryRule::budget,
       "was killed by SIGTERM"},
      {"a full disk", Exit(1, "OSError: [Errno 28] No space left on device"), EndClass::error, BlameClass::storage,
       RetryRule::avoid, "exited with code 1: OSError: [Errno 28] No space left on device"},
      {"a port", Exit(1, "OSError: [Errno 98] Address already in use"), EndClass::port_taken, BlameClass::host,
       RetryRule::counts, "exited with code 1: OSError: [Errno 98] Address already in use"},
      {"well", Exit(0), EndClass::good, BlameClass::unknown, RetryRule::counts, "exited with code 0"},
  };
  ExpectCauses(cases);
}

TEST(BlameTable, WhatTheKernelSaidComesBeforeTheBareSignal) {
  ExpectCauses({
      {"a GPU that fell off the bus under it",
       {.signal = 9, .kernel = "NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.\nnvme: I/O error"},
       EndClass::signal,
       BlameClass::gpu,
       RetryRule::avoid,
       "was killed by SIGKILL: kernel: NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus."},
      {"the kernel's killer, where no control group counts",
       {.signal = 9, .kernel = "Out of memory: Killed process 42 (python3) total-vm:1kB"},
       EndClass::signal,
       BlameClass::oom,
       RetryRule::counts,
       "was killed by SIGKILL: kernel: Out of memory: Killed process 42 (python3) total-vm:1kB"},
      {"a disk that failed, which explains a bus error and no kill",
       {.signal = 9, .kernel = "blk_update_request: I/O error, dev nvme0n1, sector 1"},
       EndClass::signal,
       BlameClass::unknown,
       RetryRule::counts,
       "was killed by SIGKILL"},
  });
}

TEST(BlameTable, TheStrongestCauseIsTheCulpritAndAmongEqualsTheFirst) {
  const BlameRules rules = Shipped();
  const auto culprit = [&](const std::vector<RankExit>& exits) {
    std::vector<RankEnd> ends;
    for (const RankExit& exit : exits) ends.push_back({static_cast<std::uint32_t>(ends.size()), NodeId("n1"), exit});
    const auto found = FindCulprit(rules, ends);
    return found ? std::optional(found->end.rank) : std::nullopt;
  };
  const RankExit victim = Exit(1, "RuntimeError: Connection reset by peer"), ours{.signal = 15, .stopped_by_us = true};
  EXPECT_EQ(culprit({victim, Signal(9), victim}), 1u);
  EXPECT_EQ(culprit({ours, victim, Exit(1, "KeyError: 'x'")}), 2u);
  EXPECT_EQ(culprit({Exit(1, "KeyError: 'x'"), Exit(1, "KeyError: 'y'")}), 0u);
  EXPECT_EQ(culprit({Exit(1, "KeyError: 'x'"), Signal(11)}), 1u);
  EXPECT_EQ(culprit({Signal(11), {.signal = 9, .oom_kill = true}}), 1u);
  EXPECT_EQ(culprit({victim, ours}), 0u);
  EXPECT_EQ(culprit({Exit(0), Exit(0)}), std::nullopt);
}

TEST(BlameTable, WithoutATableOnlySignalsAndCodesSpeak) {
  const BlameRules none;
  EXPECT_EQ(Classify(none, Exit(1, "Connection reset by peer")), EndClass::error);
  EXPECT_EQ(Classify(none, Signal(9)), EndClass::signal);
  EXPECT_EQ(Judge(none, {.exit = {.signal = 9, .oom_kill = true}}).blame.kind, BlameClass::oom);
}

struct BadFile {
  const char* name;
  std::string text;
  std::string error;
};

TEST(BlameTable, ABadTableIsRefusedWithItsPlace) {
  const std::string good = "name: a, class: code, means: m, any: [abc], samples: [xabcx]";
  const std::vector<BadFile> files{
      {"a class that is none", "rules:\n- {name: a, class: cod, means: m, signals: [9]}\n",
       "blame.yaml:2:20: rules[0].class: found \"cod\", legal: code, data, user, host, gpu, oom, fabric, storage, capacity, "
       "preemption or unknown; did you mean `code`?"},
      {"a key that is none", "rules:\n- {name: a, class: code, means: m, signal: [9]}\n",
       "blame.yaml:2:36: rules[0].signal: found an unknown key, legal: name, class, role, retry, means, oom_kill, kernel, "
       "signals, "
       "codes, "
       "any, all, none, samples, lookalikes; did you mean `signals`?"},
      {"nothing to look for", "rules:\n- {name: a, class: code, means: m}\n",
       "blame.yaml:2:3: rules[0]: rule a: found nothing that it looks for, legal: any, all, signals, codes or oom_kill"},
      {"no sample", "rules:\n- {name: a, class: code, means: m, any: [abc]}\n",
       "blame.yaml:2:3: rules[0]: rule a: found no samples, legal: at least one where it looks for words"},
      {"a sample that it does not find", "rules:\n- {name: a, class: code, means: m, any: [abc], samples: [abd]}\n",
       "blame.yaml:2:48: rules[0].samples: rule a: found \"abd\", which it does not find"},
      {"a lookalike that it finds", Cat("rules:\n- {", good, ", lookalikes: [zabc]}\n"),
       "blame.yaml:2:66: rules[0].lookalikes: rule a: found \"zabc\", which it finds"},
      {"a rule that hides another",
       Cat("rules:\n- {", good, "}\n- {name: b, class: data, means: m, any: [abcd], samples: [abcd]}\n"),
       "blame.yaml:3:49: rules[1].samples: rule b: found \"abcd\", which rule a finds first"},
      {"two of one name", Cat("rules:\n- {", good, "}\n- {", good, "}\n"),
       "blame.yaml:3:4: rules[1].name: rule a: found a second rule of this name, legal: one"},
      {"no file", "", "blame.yaml:1:1: found an empty file; write at least one `key: value`"},
  };
  for (const BadFile& file : files) {
    const auto rules = ReadBlameRules(file.text, "blame.yaml");
    ASSERT_FALSE(rules) << file.name;
    EXPECT_EQ(rules.error().Str(), file.error) << file.name;
  }
}

TEST(BlameTable, AFileThatIsNotThereIsNamed) {
  const auto rules = BlameRulesFrom("/nonexistent/blame.yaml");
  ASSERT_FALSE(rules);
  EXPECT_NE(rules.error().Str().find("/nonexistent/blame.yaml"), std::string::npos) << rules.error().Str();
}

TEST(BlameTable, TheSameCrashIsKnownAgainThoughItsAddressesDiffer) {
  const BlameRules rules = Shipped();
  const auto signature = [&](const std::string& line) {
    return Judge(rules, {.rank = 1, .node = NodeId("n1"), .exit = {.signal = 11, .kernel = line}}).signature;
  };
  EXPECT_EQ(signature("python3[42]: segfault at 7f12a3b4c5d6 ip 00007f12a3b4c5d6 sp 00007ffd12345678 error 4 in "
                      "libx.so[7f12a0000000+8000]"),
            signature("python3[7]: segfault at 55e0deadbeef ip 00007ab2a3b4c5df sp 00007ffe12345aaa error 4 in "
                      "libx.so[7ab2a0000000+8000]"));
  EXPECT_NE(signature("python3[42]: segfault at 0 error 4 in libx.so[7f12a0000000+8000]"),
            signature("python3[42]: segfault at 0 error 4 in liby.so[7f12a0000000+8000]"));
}

}  // namespace
}  // namespace everstep
