#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <luban/core/export.hpp>

namespace luban::core {

/// SHA-256 (FIPS 180-4), fed in pieces.
class LUBAN_CORE_EXPORT Sha256 {
 public:
  Sha256();
  Sha256& update(std::span<const std::byte> bytes);
  Sha256& update(std::string_view text);
  [[nodiscard]] std::string hex() const;  ///< digest of what was fed so far, 64 lower-case digits

 private:
  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, 64> pending_{};
  std::uint64_t length_ = 0;
};

}  // namespace luban::core
