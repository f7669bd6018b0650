// Where a probe puts what it has read. One unreadable file must not stop a probe: it says so, and goes on with the next.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "health/core/check.h"

namespace everstep::health {

class Sink {
 public:
  virtual ~Sink() = default;
  virtual void Take(Reading reading) = 0;
  // What the probe is about to wait for, told if it never comes back: "statvfs(/data)".
  virtual void Waiting(std::string what) = 0;

  void Number(std::string check, std::string scope, double number, std::string evidence) {
    Take({.check = std::move(check), .scope = std::move(scope), .number = number, .evidence = std::move(evidence)});
  }
  void Word(std::string check, std::string scope, std::string word, std::string evidence) {
    Take({.check = std::move(check), .scope = std::move(scope), .word = std::move(word), .evidence = std::move(evidence)});
  }
  void Unread(std::string check, std::string scope, std::string reason) {
    Take({.check = std::move(check), .scope = std::move(scope), .unread = std::move(reason)});
  }
  void Moot(std::string check, std::string scope, std::string reason) {
    Take({.check = std::move(check), .scope = std::move(scope), .moot = std::move(reason)});
  }
  void Absent(std::string check, std::string reason) { Take({.check = std::move(check), .absent = std::move(reason)}); }
  // A count of things of which there are none.
  void None(std::string check, std::string reason) {
    Take({.check = std::move(check), .number = 0, .absent = std::move(reason)});
  }

  // The value of a file, or why it cannot be read; where the file is not there, the host has no such thing.
  void NumberOf(const std::string& check, const std::string& scope, const Result<double>& number, const std::string& path);
  void WordOf(const std::string& check, const std::string& scope, const Result<std::string>& word, const std::string& path);
};

}  // namespace everstep::health
