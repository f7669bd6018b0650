// How `everstep VERB --help` looks: flags in one column, what they do in the next, wrapped to the terminal.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

namespace everstep {

class HelpFormat : public CLI::Formatter {
 public:
  explicit HelpFormat(std::size_t columns);

  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* verb) const override;
  std::string make_footer(const CLI::App* app) const override;
  std::string make_description(const CLI::App* app) const override;

 private:
  std::string Row(const std::string& left, const std::string& right, std::size_t column) const;

  std::size_t columns_;
};

}  // namespace everstep
