#include <algorithm>
#include <cstring>
#include <luban/core/error.hpp>
#include <luban/history/detail/chunk_reader.hpp>
#include <luban/parallel/arena.hpp>

namespace luban::history::detail {
namespace {

/// Raw bytes that one thread fetches and decodes at a time: small columns share a task, large chunks have their own.
constexpr std::size_t group_bytes = chunk_bytes;
/// A read of more than this leaves the caches as they are: it would push out of them what it has just written.
constexpr std::size_t cached_bytes = 32 * chunk_bytes;
/// What a thread keeps between calls.
constexpr std::size_t kept_bytes = 8 * chunk_bytes;

herr_t read_stored(hid_t dataset, hsize_t offset, std::uint32_t* skipped, std::byte* bytes) {
#if H5_VERSION_GE(2, 0, 0)
  return H5Dread_chunk1(dataset, H5P_DEFAULT, &offset, skipped, bytes);
#else
  return H5Dread_chunk(dataset, H5P_DEFAULT, &offset, skipped, bytes);
#endif
}

/// Texts end at the last byte that is not zero.
void make_texts(std::span<const std::byte> bytes, std::size_t length, std::string* out) {
  const char* begin = reinterpret_cast<const char*>(bytes.data());
  const std::size_t count = bytes.size() / length;
  for (std::size_t i = 0; i < count; ++i, begin += length) {
    std::size_t used = length;
    while (used > 0 && begin[used - 1] == '\0') --used;
    out[i].assign(begin, used);
  }
}

}  // namespace

void ChunkReader::read(std::span<const Fetch> fetches) const {
  std::vector<Item> items;
  std::vector<std::size_t> groups;  // first item of each
  std::size_t bytes = group_bytes;
  std::size_t total = 0;
  for (const Fetch& fetch : fetches) {
    if (fetch.begin == fetch.end) continue;
    if (!fetch.info->direct) {
      read_plain(fetch);
      continue;
    }
    const std::size_t chunk = fetch.info->chunk;
    for (std::size_t number = fetch.begin / chunk; number <= (fetch.end - 1) / chunk; ++number) {
      if (bytes >= group_bytes) {
        groups.push_back(items.size());
        bytes = 0;
      }
      items.push_back({&fetch, number});
      bytes += chunk * fetch.info->element_size;
    }
    total += (fetch.end - fetch.begin) * fetch.info->element_size;
  }
  const Store store = total > cached_bytes ? Store::streamed : Store::cached;
  parallel::for_each_index(groups.size(), [&](std::size_t g) {
    const std::size_t end = g + 1 < groups.size() ? groups[g + 1] : items.size();
    read_group(std::span(items).subspan(groups[g], end - groups[g]), store);
  });
}

void ChunkReader::read_group(std::span<const Item> items, Store store) const {
  thread_local Scratch buffer;
  thread_local std::vector<Stored> stored;
  const std::span<const std::byte> bytes = fetch_group(items, stored, buffer);
  for (std::size_t i = 0; i < items.size(); ++i) {
    decode(items[i], stored[i], bytes.subspan(stored[i].offset, stored[i].size), store);
  }
  buffer.trim(kept_bytes);
}

std::span<const std::byte> ChunkReader::fetch_group(std::span<const Item> items, std::vector<Stored>& stored,
                                                    Scratch& buffer) const {
  stored.assign(items.size(), {});
  const Hdf5Lock lock;
  std::size_t total = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Fetch& fetch = *items[i].fetch;
    const Hdf5Place place{"history.read", file_.path_, *fetch.object};
    const hid_t dataset = file_.handles_.get(lock, file_.file_.id(), place);
    const hsize_t offset = items[i].chunk * fetch.info->chunk;
    hsize_t length = 0;
    // Some releases call a chunk that was never written an error. Nothing is stored then, and H5Dread says what is
    // right: the fill value, or what is damaged.
    if (H5Dget_chunk_storage_size(dataset, &offset, &length) < 0) length = 0;
    if (length > stored_bound(fetch.info->chunk * fetch.info->element_size)) {
      throw core::IntegrityError({.where = "history.read",
                                  .expected = "a chunk that is stored in no more than one and a half times its size",
                                  .received = std::to_string(length) + " bytes",
                                  .place = file_.path_ + ", " + *fetch.object,
                                  .hint = "the file is damaged; restore it from a copy or import again"});
    }
    stored[i].offset = total;
    stored[i].size = length;
    total += length;
  }
  const std::span<std::byte> bytes = buffer.get(total);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (stored[i].size == 0) continue;
    const Fetch& fetch = *items[i].fetch;
    const Hdf5Place place{"history.read", file_.path_, *fetch.object};
    const hid_t dataset = file_.handles_.get(lock, file_.file_.id(), place);
    checked(
        read_stored(dataset, items[i].chunk * fetch.info->chunk, &stored[i].skipped, bytes.data() + stored[i].offset),
        "H5Dread_chunk", place);
  }
  return bytes;
}

void ChunkReader::decode(const Item& item, const Stored& stored, std::span<const std::byte> bytes, Store store) const {
  thread_local Scratch whole;
  const Fetch& fetch = *item.fetch;
  const DatasetInfo& info = *fetch.info;
  const std::size_t chunk_begin = item.chunk * info.chunk;
  const std::size_t from = std::max(fetch.begin, chunk_begin);
  const std::size_t to = std::min(fetch.end, chunk_begin + info.chunk);
  Fetch part = fetch;
  part.begin = from;
  part.end = to;
  if (fetch.out != nullptr) part.out = fetch.out + (from - fetch.begin) * info.element_size;
  if (fetch.texts != nullptr) part.texts = fetch.texts + (from - fetch.begin);
  if (stored.size == 0) {  // never written: the library knows the fill value
    read_plain(part);
    return;
  }
  const std::string place = file_.path_ + ", " + *fetch.object;
  const std::size_t size = info.chunk * info.element_size;
  if (fetch.out != nullptr && to - from == info.chunk) {
    decode_chunk(bytes, stored.skipped, info.pipeline, {part.out, size}, place, store);
    return;
  }
  const std::span<std::byte> raw = whole.get(size);
  decode_chunk(bytes, stored.skipped, info.pipeline, raw, place);
  const auto wanted = raw.subspan((from - chunk_begin) * info.element_size, (to - from) * info.element_size);
  if (fetch.out != nullptr) {
    std::memcpy(part.out, wanted.data(), wanted.size());
  } else {
    make_texts(wanted, info.element_size, part.texts);
  }
  whole.trim(kept_bytes);
}

void ChunkReader::read_plain(const Fetch& fetch) const {
  const hsize_t start = fetch.begin;
  const hsize_t count = fetch.end - fetch.begin;
  Scratch texts;
  const std::size_t size = count * fetch.info->element_size;
  std::byte* const out = fetch.out != nullptr ? fetch.out : texts.get(size).data();
  {
    const Hdf5Lock lock;
    const Hdf5Place place{"history.read", file_.path_, *fetch.object};
    const hid_t dataset = file_.handles_.get(lock, file_.file_.id(), place);
    const Handle type(checked(H5Dget_type(dataset), "H5Dget_type", place), &H5Tclose);
    const Handle space(checked(H5Dget_space(dataset), "H5Dget_space", place), &H5Sclose);
    checked(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &start, nullptr, &count, nullptr), "H5Sselect_hyperslab",
            place);
    const Handle memory(checked(H5Screate_simple(1, &count, nullptr), "H5Screate_simple", place), &H5Sclose);
    checked(H5Dread(dataset, type.id(), memory.id(), space.id(), H5P_DEFAULT, out), "H5Dread", place);
  }
  if (fetch.texts != nullptr) make_texts({out, size}, fetch.info->element_size, fetch.texts);
}

}  // namespace luban::history::detail
