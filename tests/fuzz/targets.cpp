#include "targets.hpp"

#include <cstring>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/history/detail/codec/deflate.hpp>
#include <luban/history/detail/codec/pipeline.hpp>
#include <luban/history/reader.hpp>
#include <luban/history/verify.hpp>
#include <memory>
#include <stdexcept>
#include <vector>

namespace luban::fuzz {
namespace {

using history::HistorySource;

/// Does something that may refuse.
template <typename Action>
void attempt(Action&& action) {
  try {
    action();
  } catch (const core::Error&) {
    return;  // an answer
  }
}

void read_columns(const process::TableSource& source) {
  const std::size_t rows = source.row_count();
  for (const process::ColumnInfo& info : source.schema()) {
    attempt([&] {
      constexpr std::size_t most = std::size_t{1} << 20;
      const process::Table table = source.read({info.name}, {0, std::min(rows, most)});
      if (table.row_count() != std::min(rows, most)) throw std::logic_error("another number of rows than asked for");
    });
  }
}

}  // namespace

void read_history(const std::filesystem::path& path) {
  attempt([&] { static_cast<void>(history::verify(path)); });
  std::shared_ptr<const HistorySource> source;
  attempt([&] { source = history::open_history(path); });
  if (source == nullptr) return;
  attempt([&] { read_columns(*source); });
  const core::UtcTime then(core::Nanoseconds(1500));
  for (const process::Grain grain : {process::Grain::readings, process::Grain::runs}) {
    for (const core::UtcTime as_of : {core::UtcTime{}, then}) {
      attempt([&] { read_columns(*source->view({.grain = grain, .as_of = as_of, .filter = {}})); });
    }
  }
  history::RunFilter filter;
  filter.between.push_back({"feed", 0.2, 0.7});
  attempt([&] { read_columns(*source->view({.grain = process::Grain::readings, .as_of = {}, .filter = filter})); });
  attempt([&] { static_cast<void>(source->quarantine()); });
  attempt([&] { static_cast<void>(source->process()); });
  attempt([&] { static_cast<void>(source->content()); });
}

void decode(const std::string& bytes) {
  constexpr std::size_t header = 4;
  if (bytes.size() < header) return;
  using history::detail::Filter;
  using history::detail::FilterId;
  const auto choice = static_cast<unsigned char>(bytes[0]);
  history::detail::Pipeline pipeline;
  const std::size_t element = std::size_t{1} + static_cast<unsigned char>(bytes[1]) % 16;
  if ((choice & 1U) != 0) pipeline.push_back({FilterId::shuffle, element});
  constexpr FilterId compressors[] = {FilterId::deflate, FilterId::zstd, FilterId::lz4};
  if ((choice >> 1) % 4 < 3) pipeline.push_back({compressors[(choice >> 1) % 4]});
  if ((choice & 8U) != 0) pipeline.push_back({FilterId::fletcher32});
  const auto mask = static_cast<std::uint32_t>((choice >> 4) & 7U);
  const std::size_t size = 1 + 16 * static_cast<unsigned char>(bytes[2]) + static_cast<unsigned char>(bytes[3]) % 16;
  // Memory of exactly the size: one byte more is seen.
  const auto stored = std::make_unique<std::byte[]>(bytes.size() - header);
  std::memcpy(stored.get(), bytes.data() + header, bytes.size() - header);
  const std::span<const std::byte> in{stored.get(), bytes.size() - header};
  const auto raw = std::make_unique<std::byte[]>(size);
  attempt([&] { history::detail::decode_chunk(in, mask, pipeline, {raw.get(), size}, "fuzz"); });
  static_cast<void>(history::detail::with_zlib::inflate(in, {raw.get(), size}));
}

void parse_json(const std::string& text) {
  attempt([&] {
    const core::Json json = core::Json::parse(text);
    const std::string written = json.dump();
    if (core::Json::parse(written).dump() != written) throw std::logic_error("what was written reads otherwise");
    static_cast<void>(core::Json::parse(json.dump(1)));
  });
}

}  // namespace luban::fuzz
