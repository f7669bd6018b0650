// Every struct that travels has exactly the fields of its message, of kinds that fit. A field added on one side only fails
// here.
#include <gtest/gtest.h>

#include <set>

#include "base/host_checks.h"
#include "base/messages.h"
#include "base/text.h"
#include "everstep/v1/agent.pb.h"
#include "everstep/v1/checks.pb.h"
#include "everstep/v1/control.pb.h"
#include "everstep/v1/peer.pb.h"
#include "launcher/core/api.h"
#include "proto/convert.h"

namespace everstep {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using wire::Message;

// Walks a struct beside its message and says all that differs.
class Differences {
 public:
  template <Described T>
  void Struct(const Descriptor* message) {
    if (!seen_.insert(message->full_name()).second) return;
    std::set<std::string> names;
    T value{};
    ForEachField(value, [&](std::string_view name, auto& member) {
      names.emplace(name);
      const FieldDescriptor* field = message->FindFieldByName(std::string(name));
      if (field == nullptr) return Say(message->full_name(), "has no ", name);
      Member<std::remove_reference_t<decltype(member)>>(field);
    });
    for (int i = 0; i < message->field_count(); ++i)
      if (!names.contains(message->field(i)->name())) Say(message->full_name(), "has besides ", message->field(i)->name());
  }

  template <class... T>
  void Variant(const std::variant<T...>*, const Descriptor* message) {
    if (message->oneof_decl_count() != 1) return Say(message->full_name(), "has not exactly one oneof", "");
    std::set<std::string> names;
    const auto alternative = [&]<class A>(std::type_identity<A>) {
      names.emplace(A::kName);
      const FieldDescriptor* field = message->FindFieldByName(std::string(A::kName));
      if (field == nullptr || field->containing_oneof() == nullptr)
        return Say(message->full_name(), "has no member ", A::kName);
      Kind<A>(field);
    };
    (alternative(std::type_identity<T>{}), ...);
    for (int i = 0; i < message->field_count(); ++i)
      if (!names.contains(message->field(i)->name())) Say(message->full_name(), "has besides ", message->field(i)->name());
  }

  std::string Str() const { return Join(all_, "\n"); }

 private:
  template <class M>
  void Member(const FieldDescriptor* field) {
    if constexpr (requires { typename M::key_type; }) {
      Expect(field, field->is_map(), "a map");
    } else if constexpr (requires { typename M::allocator_type; } && !std::is_same_v<M, std::string>) {
      Expect(field, field->is_repeated() && !field->is_map(), "repeated");
      Kind<typename M::value_type>(field);
    } else if constexpr (requires(M m) { m.has_value(); }) {
      Expect(field, !field->is_repeated() && field->has_optional_keyword(), "optional");
      Kind<typename M::value_type>(field);
    } else {
      Expect(field, !field->is_repeated(), "not repeated");
      Kind<M>(field);
    }
  }

  template <class T>
  void Kind(const FieldDescriptor* field) {
    if constexpr (Described<T>) {
      Expect(field, field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE, "a message");
      if (field->message_type() != nullptr) Struct<T>(field->message_type());
    } else if constexpr (NamedEnum<T>) {
      Expect(field, field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM, "an enum");
      if (field->enum_type() != nullptr) Enum<T>(field->enum_type());
    } else if constexpr (std::is_same_v<T, bool>) {
      Expect(field, field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL, "a bool");
    } else if constexpr (std::is_same_v<T, std::uint32_t>) {
      Expect(field, field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32, "a uint32");
    } else if constexpr (std::is_same_v<T, std::uint64_t> || requires(T t) { t.Next(); }) {
      Expect(field, field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64, "a uint64");
    } else if constexpr (std::is_same_v<T, std::string> || requires(T t) { t.Str(); }) {
      Expect(field, field->cpp_type() == FieldDescriptor::CPPTYPE_STRING, "text");
    } else {
      static_assert(std::is_same_v<T, std::int64_t> || std::is_same_v<T, Time> || std::is_same_v<T, Duration> ||
                    std::is_same_v<T, WallTime>);
      Expect(field, field->cpp_type() == FieldDescriptor::CPPTYPE_INT64, "an int64");
    }
  }

  // GangPhase::prepared is GANG_PHASE_PREPARED = 2, after GANG_PHASE_UNSPECIFIED = 0.
  template <NamedEnum E>
  void Enum(const google::protobuf::EnumDescriptor* type) {
    constexpr auto kNames = NamesOf(E{});
    std::string prefix;
    for (const char c : type->name()) {
      if (std::isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
      prefix += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    if (type->value_count() != static_cast<int>(kNames.size()) + 1) return Say(type->full_name(), "differs in length", "");
    for (int i = 0; i < type->value_count(); ++i) {
      std::string name = i == 0 ? "unspecified" : std::string(kNames[static_cast<std::size_t>(i) - 1]);
      for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      if (type->value(i)->number() != i || type->value(i)->name() != Cat(prefix, '_', name))
        Say(type->full_name(), "should have ", Cat(prefix, '_', name, " = ", i));
    }
  }

  void Expect(const FieldDescriptor* field, bool holds, std::string_view what) {
    if (!holds) Say(field->full_name(), "should be ", what);
  }
  void Say(std::string_view where, std::string_view what, std::string_view name) {
    all_.push_back(Cat(where, ' ', what, name));
  }

  std::set<std::string> seen_;
  std::vector<std::string> all_;
};

TEST(Shape, WhatLauncherAndAgentsSayHasTheSameFieldsInBothWorlds) {
  Differences differences;
  differences.Variant(static_cast<FromAgent*>(nullptr), v1::FromAgent::descriptor());
  differences.Variant(static_cast<ToAgent*>(nullptr), v1::ToAgent::descriptor());
  differences.Struct<Ping>(v1::Ping::descriptor());
  differences.Struct<Pong>(v1::Pong::descriptor());
  differences.Struct<ReadChecks>(v1::ReadChecks::descriptor());
  differences.Struct<HostChecks>(v1::HostChecks::descriptor());
  EXPECT_EQ(differences.Str(), "");
}

TEST(Shape, EveryRequestAndReplyOfTheApiHasAMessageOfItsName) {
  Differences differences;
  const auto all = [&]<class... T>(std::type_identity<std::variant<T...>>, auto... descriptors) {
    (differences.Struct<T>(descriptors), ...);
  };
  all(std::type_identity<ApiRequest>{}, v1::SubmitJob::descriptor(), v1::CancelJob::descriptor(), v1::GetJob::descriptor(),
      v1::ListJobs::descriptor(), v1::ExplainJob::descriptor(), v1::ListNodes::descriptor(), v1::GetNode::descriptor(),
      v1::ConfirmDead::descriptor(), v1::DrainNode::descriptor(), v1::UndrainNode::descriptor(), v1::ClearNode::descriptor(),
      v1::InjectFault::descriptor(), v1::KillLauncher::descriptor(), v1::ListIncidents::descriptor(),
      v1::ListEvents::descriptor(), v1::GetInfo::descriptor());
  all(std::type_identity<ApiReply>{}, v1::Submitted::descriptor(), v1::Accepted::descriptor(), v1::JobReply::descriptor(),
      v1::JobsReply::descriptor(), v1::Explanation::descriptor(), v1::NodesReply::descriptor(),
      v1::IncidentsReply::descriptor(), v1::EventsReply::descriptor(), v1::InfoReply::descriptor());
  EXPECT_EQ(differences.Str(), "");
}

struct Beaten {  // a Beat with a field too many, one missing and one of another kind
  std::string seq{};
  Incarnation incarnation{};
  Time sent{};
  std::uint32_t extra = 0;
};
EVERSTEP_FIELDS(Beaten, seq, incarnation, sent, extra)

TEST(Shape, ADifferenceIsNamed) {
  Differences differences;
  differences.Struct<Beaten>(v1::Beat::descriptor());
  EXPECT_EQ(differences.Str(),
            "everstep.v1.Beat.seq should be text\neverstep.v1.Beat has no extra\neverstep.v1.Beat has besides "
            "state_hash\neverstep.v1.Beat has besides agent");
}

}  // namespace
}  // namespace everstep
