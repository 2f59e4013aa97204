#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/core/text.hpp>

#include "refuse.hpp"

namespace luban::process::detail {

/// Reads one JSON object key by key: a key that was not asked for is refused with the nearest one that was, and
/// every refusal names the place by its dotted path.
class JsonObject {
 public:
  JsonObject(const core::Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json_.is_object()) refuse("")("an object", json_.dump());
  }

  [[nodiscard]] std::string text(const std::string& key, const std::string& absent = {}) {
    const core::Json* value = take(key);
    return value == nullptr ? absent : guarded(key, [&] { return value->as_string(); });
  }
  [[nodiscard]] double number(const std::string& key, double absent) {
    const core::Json* value = take(key);
    return value == nullptr ? absent : guarded(key, [&] { return value->as_double(); });
  }
  [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t absent) {
    const core::Json* value = take(key);
    return value == nullptr ? absent : guarded(key, [&] { return value->as_int(); });
  }
  [[nodiscard]] bool flag(const std::string& key) {
    const core::Json* value = take(key);
    return value != nullptr && guarded(key, [&] { return value->as_bool(); });
  }
  [[nodiscard]] std::vector<std::string> texts(const std::string& key) {
    const core::Json* value = take(key);
    return value == nullptr ? std::vector<std::string>{} : guarded(key, [&] { return value->as_strings(); });
  }
  [[nodiscard]] std::vector<std::pair<std::string, double>> weights(const std::string& key) {
    std::vector<std::pair<std::string, double>> out;
    if (const core::Json* value = take(key)) {
      guarded(key, [&] {
        for (const auto& [name, number] : value->as_object()) out.emplace_back(name, number.as_double());
        return true;
      });
    }
    return out;
  }
  /// Exponents by name, or names alone, whose exponents are 1.
  [[nodiscard]] std::vector<std::pair<std::string, double>> powers(const std::string& key) {
    const core::Json* value = json_.find(key);
    if (value != nullptr && value->is_object()) return weights(key);
    std::vector<std::pair<std::string, double>> out;
    for (std::string& name : texts(key)) out.emplace_back(std::move(name), 1.0);
    return out;
  }

  /// Reads the object under `key` with `read(JsonObject&)`; nothing happens when it is absent.
  template <typename Read>
  void object(const std::string& key, Read read) {
    if (const core::Json* value = take(key)) {
      JsonObject inner(*value, path_of(key));
      read(inner);
      inner.finish();
    }
  }

  /// Reads each object of the list under `key` with `read(JsonObject&) -> T`.
  template <typename T, typename Read>
  [[nodiscard]] std::vector<T> list(const std::string& key, Read read) {
    std::vector<T> out;
    const core::Json* value = take(key);
    if (value == nullptr) return out;
    const auto& items = guarded(key, [&]() -> const core::Json::Array& { return value->as_array(); });
    for (std::size_t i = 0; i < items.size(); ++i) {
      JsonObject inner(items[i], path_of(key) + "[" + std::to_string(i) + "]");
      out.push_back(read(inner));
      inner.finish();
    }
    return out;
  }

  /// @throws ConfigurationError when a key was left unread.
  void finish() const {
    for (const auto& [key, value] : json_.as_object()) {
      if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) {
        refuse(key)("known keys", core::quoted(key), core::nearest_hint(key, asked_));
      }
    }
  }

  [[nodiscard]] Refuse refuse(const std::string& key) const {
    return {.where = "process.Process.from_json", .place = key.empty() ? path_ : path_of(key)};
  }

 private:
  [[nodiscard]] std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

  const core::Json* take(const std::string& key) {
    asked_.push_back(key);
    return json_.find(key);
  }

  /// A value of the wrong type is the definition's fault, not the data's.
  template <typename Read>
  auto guarded(const std::string& key, Read read) const -> std::invoke_result_t<Read> {
    try {
      return read();
    } catch (const core::DataError& error) {
      refuse(key)(error.detail().expected, error.detail().received);
    }
  }

  const core::Json& json_;
  std::string path_;
  std::vector<std::string> asked_;
};

}  // namespace luban::process::detail
