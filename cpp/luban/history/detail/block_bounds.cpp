#include <algorithm>
#include <cmath>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/core/time.hpp>
#include <luban/history/detail/block_bounds.hpp>
#include <type_traits>

namespace luban::history::detail {
namespace {

template <typename T>
bool is_missing(const T& value) {
  if constexpr (std::is_same_v<T, double>) return std::isnan(value);
  if constexpr (std::is_same_v<T, std::int64_t>) return value == core::UtcTime::missing_count;
  if constexpr (std::is_same_v<T, std::int32_t>) return value < 0;
  if constexpr (std::is_same_v<T, std::string>) return value.empty();
}

template <typename T>
T missing() {
  if constexpr (std::is_same_v<T, double>) return std::numeric_limits<double>::quiet_NaN();
  if constexpr (std::is_same_v<T, std::int64_t>) return core::UtcTime::missing_count;
  if constexpr (std::is_same_v<T, std::int32_t>) return -1;
  if constexpr (std::is_same_v<T, std::string>) return {};
}

template <typename T>
BoundColumns bounds(std::span<const T> values) {
  std::vector<T> low, high;
  for (std::size_t begin = 0; begin < values.size(); begin += block_rows) {
    const T* least = nullptr;
    const T* most = nullptr;
    for (const T& value : values.subspan(begin, std::min(block_rows, values.size() - begin))) {
      if (is_missing(value)) continue;
      if (least == nullptr || value < *least) least = &value;
      if (most == nullptr || *most < value) most = &value;
    }
    low.push_back(least != nullptr ? *least : missing<T>());
    high.push_back(most != nullptr ? *most : missing<T>());
  }
  return {std::move(low), std::move(high)};
}

[[noreturn]] void no_bounds() {
  throw core::IntegrityError({.where = "history.read",
                              .expected = "a column of numbers, times, codes or texts",
                              .received = "another",
                              .place = "/index",
                              .hint = "`luban verify` lists everything that is wrong with the file"});
}

}  // namespace

BoundColumns block_bounds(const ColumnView& column) {
  if (const auto* numbers = std::get_if<std::span<const double>>(&column)) return bounds(*numbers);
  if (const auto* integers = std::get_if<std::span<const std::int64_t>>(&column)) return bounds(*integers);
  if (const auto* codes = std::get_if<std::span<const std::int32_t>>(&column)) return bounds(*codes);
  if (const auto* texts = std::get_if<std::span<const std::string>>(&column)) return bounds(*texts);
  no_bounds();
}

std::string bounds_path(const std::string& dataset) {
  return "/index" + dataset;
}

std::optional<BoundColumns> BoundsReader::read(const std::string& dataset) const {
  const std::string path = bounds_path(dataset);
  if (!file_.has(path + "/low") || !file_.has(path + "/high")) return std::nullopt;
  const DatasetInfo& column = file_.info(dataset);
  const std::size_t blocks = (column.count + block_rows - 1) / block_rows;
  for (const char* end : {"/low", "/high"}) {
    const DatasetInfo& info = file_.info(path + end);
    if (info.count == blocks && info.kind == column.kind) continue;
    throw core::IntegrityError({.where = "history.read",
                                .expected = std::to_string(blocks) + " bounds of the kind of the column",
                                .received = std::to_string(info.count) + " of kind " + std::string(name(info.kind)),
                                .place = file_.path() + ", " + path + end,
                                .hint = "`luban verify` lists everything that is wrong with the file"});
  }
  return BoundColumns{file_.read(path + "/low"), file_.read(path + "/high")};
}

AnyBounds bounds_of(const BoundColumns& columns, std::size_t block) {
  return std::visit(
      [&](const auto& low) -> AnyBounds {
        using Values = std::decay_t<decltype(low)>;
        if constexpr (std::is_same_v<Values, std::vector<float>>) {
          no_bounds();
        } else {
          return Bounds<typename Values::value_type>{low[block], std::get<Values>(columns.high)[block]};
        }
      },
      columns.low);
}

}  // namespace luban::history::detail
