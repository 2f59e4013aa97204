#include <algorithm>
#include <array>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/features/detail/text.hpp>
#include <luban/features/encoder.hpp>

namespace luban::features {

namespace {

constexpr std::array<std::pair<Role, std::string_view>, 3> role_names{
    {{Role::parameter, "parameter"}, {Role::context, "context"}, {Role::noise, "noise"}}};
constexpr std::array<process::VariableKind, 4> kinds{process::VariableKind::continuous, process::VariableKind::integer,
                                                     process::VariableKind::categorical,
                                                     process::VariableKind::ordinal};

Role role_of(const std::string& text) {
  for (const auto& [role, name] : role_names) {
    if (name == text) return role;
  }
  throw core::DataError({.where = "features.encoder.from_json",
                         .expected = "role parameter, context or noise",
                         .received = "\"" + text + "\"",
                         .place = {},
                         .hint = {}});
}

process::VariableKind kind_of(const std::string& text) {
  for (const process::VariableKind kind : kinds) {
    if (detail::kind_name(kind) == text) return kind;
  }
  throw core::DataError({.where = "features.encoder.from_json",
                         .expected = "kind continuous, integer, categorical or ordinal",
                         .received = "\"" + text + "\"",
                         .place = {},
                         .hint = {}});
}

}  // namespace

core::Json Encoder::to_json() const {
  core::Json list = core::Json::array();
  for (const EncodedVariable& variable : variables_) {
    core::Json item = core::Json::object();
    item.set("name", variable.name);
    item.set("unit", variable.unit);
    item.set("role", role_names[static_cast<std::size_t>(variable.role)].second);
    item.set("kind", detail::kind_name(variable.kind));
    if (variable.is_numeric()) {
      item.set("low", variable.low);
      item.set("high", variable.high);
    } else {
      item.set("categories", variable.categories);
    }
    list.push_back(std::move(item));
  }
  core::Json json = core::Json::object();
  json.set("variables", std::move(list));
  return json;
}

Encoder Encoder::from_json(const core::Json& json) {
  std::vector<EncodedVariable> variables;
  for (const core::Json& item : json.at("variables").as_array()) {
    EncodedVariable variable{.name = item.at("name").as_string(),
                             .unit = item.at("unit").as_string(),
                             .role = role_of(item.at("role").as_string()),
                             .kind = kind_of(item.at("kind").as_string()),
                             .low = 0.0,
                             .high = 1.0,
                             .categories = {}};
    if (variable.is_numeric()) {
      variable.low = item.at("low").as_double();
      variable.high = item.at("high").as_double();
    } else {
      variable.categories = item.at("categories").as_strings();
      variable.high = static_cast<double>(variable.categories.size()) - 1.0;
    }
    variables.push_back(std::move(variable));
  }
  return Encoder(std::move(variables));
}

}  // namespace luban::features
