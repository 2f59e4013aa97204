#include <luban/core/json.hpp>

#include <cmath>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include <luban/core/error.hpp>

namespace luban::core {
namespace {

using Ordered = nlohmann::ordered_json;

Json from_ordered(const Ordered& in) {
  switch (in.type()) {
    case Ordered::value_t::boolean:
      return in.get<bool>();
    case Ordered::value_t::number_integer:
      return in.get<std::int64_t>();
    case Ordered::value_t::number_unsigned: {
      const auto value = in.get<std::uint64_t>();
      const bool fits = value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      return fits ? Json(static_cast<std::int64_t>(value)) : Json(static_cast<double>(value));
    }
    case Ordered::value_t::number_float:
      return in.get<double>();
    case Ordered::value_t::string:
      return in.get<std::string>();
    case Ordered::value_t::array: {
      Json::Array out;
      for (const auto& item : in) {
        out.push_back(from_ordered(item));
      }
      return out;
    }
    case Ordered::value_t::object: {
      Json::Object out;
      for (const auto& [key, item] : in.items()) {
        out.emplace_back(key, from_ordered(item));
      }
      return out;
    }
    default:
      return {};
  }
}

[[noreturn]] void wrong_type(const char* expected, const Json& value) {
  std::string received = value.dump();
  if (received.size() > 60) {
    received = received.substr(0, 57) + "...";
  }
  throw DataError({.where = "core.json", .expected = expected, .received = received, .place = {}, .hint = {}});
}

/// Deepest nesting of lists and objects: converting and comparing are recursive.
constexpr std::size_t deepest = 500;

void require_shallow(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > deepest) {
        throw DataError({.where = "core.json.parse",
                         .expected = "at most " + std::to_string(deepest) + " lists and objects within each other",
                         .received = "more",
                         .place = "byte " + std::to_string(at + 1),
                         .hint = {}});
      }
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
}

}  // namespace

Json::Json(const std::vector<double>& numbers) : value_(Array(numbers.begin(), numbers.end())) {}
Json::Json(const std::vector<std::string>& texts) : value_(Array(texts.begin(), texts.end())) {}

Json Json::parse(std::string_view text) {
  require_shallow(text);
  const auto refuse = [](const Ordered::exception& error, std::string place) {
    throw DataError({.where = "core.json.parse",
                     .expected = "JSON text",
                     .received = error.what(),
                     .place = std::move(place),
                     .hint = {}});
  };
  Ordered parsed;
  try {
    parsed = Ordered::parse(text);
  } catch (const Ordered::parse_error& error) {
    refuse(error, "byte " + std::to_string(error.byte));
  } catch (const Ordered::out_of_range& error) {  // a number beyond the largest double
    refuse(error, {});
  }
  return from_ordered(parsed);
}

std::string Json::dump(int indent) const {
  const auto scalar = [](const Json& in) -> Ordered {
    if (const auto* b = std::get_if<bool>(&in.value_)) return *b;
    if (const auto* i = std::get_if<std::int64_t>(&in.value_)) return *i;
    if (const auto* d = std::get_if<double>(&in.value_)) return std::isfinite(*d) ? Ordered(*d) : Ordered(nullptr);
    if (const auto* s = std::get_if<std::string>(&in.value_)) return *s;
    return nullptr;
  };
  const auto convert = [&scalar](const auto& self, const Json& in) -> Ordered {
    if (in.is_array()) {
      Ordered out = Ordered::array();
      for (const auto& item : in.as_array()) out.push_back(self(self, item));
      return out;
    }
    if (in.is_object()) {
      Ordered out = Ordered::object();
      for (const auto& [key, item] : in.as_object()) out[key] = self(self, item);
      return out;
    }
    return scalar(in);
  };
  return convert(convert, *this).dump(indent, ' ', false, Ordered::error_handler_t::replace);
}

bool Json::is_null() const noexcept {
  return std::holds_alternative<std::monostate>(value_);
}
bool Json::is_number() const noexcept {
  return std::holds_alternative<std::int64_t>(value_) || std::holds_alternative<double>(value_);
}
bool Json::is_string() const noexcept {
  return std::holds_alternative<std::string>(value_);
}
bool Json::is_array() const noexcept {
  return std::holds_alternative<Array>(value_);
}
bool Json::is_object() const noexcept {
  return std::holds_alternative<Object>(value_);
}

bool Json::as_bool() const {
  if (const auto* value = std::get_if<bool>(&value_)) return *value;
  wrong_type("true or false", *this);
}

std::int64_t Json::as_int() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value;
  wrong_type("an integer", *this);
}

double Json::as_double() const {
  if (const auto* value = std::get_if<double>(&value_)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  if (is_null()) return std::numeric_limits<double>::quiet_NaN();
  wrong_type("a number", *this);
}

const std::string& Json::as_string() const {
  if (const auto* value = std::get_if<std::string>(&value_)) return *value;
  wrong_type("a text", *this);
}

const Json::Array& Json::as_array() const {
  if (const auto* value = std::get_if<Array>(&value_)) return *value;
  wrong_type("a list", *this);
}

const Json::Object& Json::as_object() const {
  if (const auto* value = std::get_if<Object>(&value_)) return *value;
  wrong_type("an object", *this);
}

std::vector<double> Json::as_doubles() const {
  std::vector<double> out;
  for (const auto& item : as_array()) out.push_back(item.as_double());
  return out;
}

std::vector<std::string> Json::as_strings() const {
  std::vector<std::string> out;
  for (const auto& item : as_array()) out.push_back(item.as_string());
  return out;
}

const Json* Json::find(std::string_view key) const {
  if (const auto* members = std::get_if<Object>(&value_)) {
    for (const auto& [name, item] : *members) {
      if (name == key) return &item;
    }
  }
  return nullptr;
}

const Json& Json::at(std::string_view key) const {
  if (const Json* item = find(key)) return *item;
  throw DataError({.where = "core.json.at",
                   .expected = "a key \"" + std::string(key) + "\"",
                   .received = is_object() ? "an object without it" : "a value that is no object",
                   .place = {},
                   .hint = {}});
}

Json& Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = Object{};
  if (const Json* item = find(key)) {
    *const_cast<Json*>(item) = std::move(value);
    return *this;
  }
  if (auto* members = std::get_if<Object>(&value_)) {
    members->emplace_back(std::string(key), std::move(value));
    return *this;
  }
  wrong_type("an object", *this);
}

Json& Json::push_back(Json value) {
  if (is_null()) value_ = Array{};
  if (auto* items = std::get_if<Array>(&value_)) {
    items->push_back(std::move(value));
    return *this;
  }
  wrong_type("a list", *this);
}

}  // namespace luban::core
