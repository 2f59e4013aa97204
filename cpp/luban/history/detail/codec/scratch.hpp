#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace luban::history::detail {

/// Memory that grows and is used again; what is in it is undefined after `get`. Not filled with zeros: a chunk is
/// written over anyway, and clearing 1 MiB costs as much as decoding it.
class Scratch {
 public:
  [[nodiscard]] std::span<std::byte> get(std::size_t size) {
    if (size > size_) {
      memory_ = std::make_unique_for_overwrite<std::byte[]>(size);
      size_ = size;
    }
    return {memory_.get(), size};
  }
  /// Gives the memory back when it is more than `limit`: one huge chunk is no reason to keep its size for ever.
  void trim(std::size_t limit) noexcept {
    if (size_ <= limit) return;
    memory_.reset();
    size_ = 0;
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_ = 0;
};

}  // namespace luban::history::detail
