#include <algorithm>
#include <cstdint>
#include <cstring>
#include <luban/core/error.hpp>
#include <luban/history/detail/sealed_file.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <luban/parallel/arena.hpp>
#include <utility>

namespace luban::history::detail {
namespace {

const std::string no_object;

void require_hdf5(const std::filesystem::path& path, const std::string& name) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error || !std::filesystem::is_regular_file(status)) {
    throw core::IoError({.where = "history.open",
                         .expected = "a readable history file",
                         .received = std::filesystem::exists(status) ? "something that is not a file" : "no such file",
                         .place = name,
                         .hint = "check the path; `luban import` makes a history from a CSV file"});
  }
  if (std::FILE* file = std::fopen(name.c_str(), "rb"); file != nullptr) {
    std::fclose(file);
  } else {
    throw core::IoError({.where = "history.open",
                         .expected = "a readable history file",
                         .received = std::strerror(errno),
                         .place = name,
                         .hint = "check the permissions"});
  }
  const Hdf5Lock lock;
  if (H5Fis_hdf5(name.c_str()) <= 0) {
    throw core::IntegrityError({.where = "history.open",
                                .expected = "an HDF5 file",
                                .received = "a file without the HDF5 signature",
                                .place = name,
                                .hint = "if it is a CSV or Parquet file, make a history of it with `luban import`"});
  }
}

StoredKind stored_kind(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      return StoredKind::text;
    case H5T_FLOAT:
      if (H5Tequal(type, H5T_IEEE_F64LE) > 0) return StoredKind::float64;
      return H5Tequal(type, H5T_IEEE_F32LE) > 0 ? StoredKind::float32 : StoredKind::other;
    case H5T_INTEGER:
      if (H5Tequal(type, H5T_STD_I64LE) > 0) return StoredKind::int64;
      return H5Tequal(type, H5T_STD_I32LE) > 0 ? StoredKind::int32 : StoredKind::other;
    default:
      return StoredKind::other;
  }
}

// Fills chunk length and pipeline; `direct` stays false for a filter we do not know or another order.
void read_layout(hid_t dataset, DatasetInfo& info, const Hdf5Place& place) {
  const Handle properties(checked(H5Dget_create_plist(dataset), "H5Dget_create_plist", place), &H5Pclose);
  if (H5Pget_layout(properties.id()) != H5D_CHUNKED) return;
  hsize_t chunk = 0;
  checked(H5Pget_chunk(properties.id(), 1, &chunk), "H5Pget_chunk", place);
  info.chunk = chunk;
  info.direct = info.element_size > 0;
  int last = -1;
  const int filters = checked(H5Pget_nfilters(properties.id()), "H5Pget_nfilters", place);
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter = checked(
        H5Pget_filter2(properties.id(), static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr),
        "H5Pget_filter2", place);
    const int rank = filter == H5Z_FILTER_SHUFFLE ? 0 : filter == H5Z_FILTER_DEFLATE ? 1 : 2;
    const bool known = filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_FLETCHER32;
    info.direct = info.direct && known && rank > last;
    last = rank;
    info.pipeline.shuffle |= filter == H5Z_FILTER_SHUFFLE;
    info.pipeline.deflate |= filter == H5Z_FILTER_DEFLATE;
    info.pipeline.fletcher32 |= filter == H5Z_FILTER_FLETCHER32;
  }
}

herr_t read_stored(hid_t dataset, const hsize_t* offset, std::uint32_t* skipped, std::vector<std::byte>& bytes) {
#if H5_VERSION_GE(2, 0, 0)
  return H5Dread_chunk1(dataset, H5P_DEFAULT, offset, skipped, bytes.data());
#else
  return H5Dread_chunk(dataset, H5P_DEFAULT, offset, skipped, bytes.data());
#endif
}

struct Listing {
  std::vector<std::string> objects;
  std::string foreign_link;
};

herr_t visit_link(hid_t, const char* name, const H5L_info_t* info, void* data) {
  auto& listing = *static_cast<Listing*>(data);
  if (info->type != H5L_TYPE_HARD) listing.foreign_link = name;
  listing.objects.emplace_back(std::string("/") + name);
  return 0;
}

template <typename T>
std::vector<T> as_numbers(const std::vector<std::byte>& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

std::vector<std::string> as_texts(const std::vector<std::byte>& bytes, std::size_t length) {
  std::vector<std::string> texts(bytes.size() / length);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const char* begin = reinterpret_cast<const char*>(bytes.data()) + i * length;
    std::size_t used = length;
    while (used > 0 && begin[used - 1] == '\0') --used;
    texts[i].assign(begin, used);
  }
  return texts;
}

}  // namespace

TreeFile::TreeFile(const std::filesystem::path& path) : path_(path.string()) {
  require_hdf5(path, path_);
  require_intact_heaps(path);
  const Hdf5Lock lock;
  const Hdf5Place place{"history.open", path_, no_object};
  const Handle access = access_properties(lock, false);
  file_.set({checked(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, access.id()), "H5Fopen", place), &H5Fclose});
  list(lock);
}

TreeFile::TreeFile(const Tree& tree, int compression, const core::CallControl& control) : path_("memory") {
  {
    const Hdf5Lock lock;
    const Handle create = creation_properties(lock);
    const Handle access = access_properties(lock, true);
    const Hdf5Place place{"history.write", path_, no_object, true};
    // The library tells files in memory apart by their names alone: ours is the address of what owns it.
    const std::string name = "luban-in-memory-" + std::to_string(reinterpret_cast<std::uintptr_t>(this));
    file_.set(
        {checked(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, create.id(), access.id()), "H5Fcreate", place), &H5Fclose});
  }
  write_tree(file_.id(), path_, tree, compression, control);
  const Hdf5Lock lock;
  list(lock);
}

void TreeFile::list(const Hdf5Lock& lock) {
  const Hdf5Place place{"history.open", path_, no_object};
  Listing listing;
  checked(H5Lvisit(file_.id(), H5_INDEX_NAME, H5_ITER_INC, &visit_link, &listing), "H5Lvisit", place);
  if (!listing.foreign_link.empty()) {
    throw core::IntegrityError({.where = "history.open",
                                .expected = "groups and datasets only",
                                .received = "a soft or external link",
                                .place = path_ + ", /" + listing.foreign_link,
                                .hint = "a history does not point elsewhere; copy the data in"});
  }
  list_object(lock, "/");
  for (const auto& object : listing.objects) list_object(lock, object);
}

void TreeFile::list_object(const Hdf5Lock& lock, const std::string& object) {
  const Hdf5Place place{"history.open", path_, object};
  const Handle handle(checked(H5Oopen(file_.id(), object.c_str(), H5P_DEFAULT), "H5Oopen", place), &H5Oclose);
  const Attributes attributes = read_attributes(lock, handle.id(), place);
  if (H5Iget_type(handle.id()) != H5I_DATASET) {
    groups_[object] = attributes;
    return;
  }
  DatasetInfo info;
  info.attributes = attributes;
  const Handle type(checked(H5Dget_type(handle.id()), "H5Dget_type", place), &H5Tclose);
  const Handle space(checked(H5Dget_space(handle.id()), "H5Dget_space", place), &H5Sclose);
  info.count = static_cast<std::size_t>(
      checked(H5Sget_simple_extent_npoints(space.id()), "H5Sget_simple_extent_npoints", place));
  info.kind = H5Sget_simple_extent_ndims(space.id()) == 1 ? stored_kind(type.id()) : StoredKind::other;
  const bool variable = info.kind == StoredKind::text && H5Tis_variable_str(type.id()) > 0;
  info.element_size = variable ? 0 : H5Tget_size(type.id());
  if (info.kind != StoredKind::other) read_layout(handle.id(), info, place);
  datasets_[object] = std::move(info);
}

const DatasetInfo& TreeFile::info(const std::string& object) const {
  const auto found = datasets_.find(object);
  if (found == datasets_.end()) {
    throw core::IntegrityError({.where = "history.read",
                                .expected = "a dataset " + object,
                                .received = "nothing of that name",
                                .place = path_,
                                .hint = "`luban verify` lists everything that is wrong with the file"});
  }
  return found->second;
}

ColumnData TreeFile::read(const std::string& object, std::size_t begin, std::size_t end) const {
  const DatasetInfo& known = info(object);
  if (begin > end || end > known.count) {
    throw core::DataError({.where = "history.read",
                           .expected = "rows within 0 and " + std::to_string(known.count),
                           .received = std::to_string(begin) + " to " + std::to_string(end),
                           .place = path_ + ", " + object,
                           .hint = {}});
  }
  if (known.kind == StoredKind::other) {
    throw core::IntegrityError({.where = "history.read",
                                .expected = "a column of float64, int64, int32, float32 or text",
                                .received = "another type or shape",
                                .place = path_ + ", " + object,
                                .hint = "the file was not written by this format's rules"});
  }
  if (known.kind == StoredKind::text && known.element_size == 0) return read_variable_text(object, begin, end);
  const std::vector<std::byte> bytes = read_bytes(object, known, begin, end);
  if (known.kind == StoredKind::float64) return as_numbers<double>(bytes);
  if (known.kind == StoredKind::int64) return as_numbers<std::int64_t>(bytes);
  if (known.kind == StoredKind::int32) return as_numbers<std::int32_t>(bytes);
  if (known.kind == StoredKind::float32) return as_numbers<float>(bytes);
  return as_texts(bytes, known.element_size);
}

std::vector<std::byte> TreeFile::read_bytes(const std::string& object, const DatasetInfo& known, std::size_t begin,
                                            std::size_t end) const {
  std::vector<std::byte> out((end - begin) * known.element_size);
  if (out.empty()) return out;
  if (!known.direct) {
    read_plain(object, known, begin, out);
    return out;
  }
  // Fetching a window of stored chunks is serial, under the lock; decoding is parallel, without it.
  constexpr std::size_t window = 16;
  const std::string place_text = path_ + ", " + object;
  const std::size_t last_chunk = (end - 1) / known.chunk;
  for (std::size_t first = begin / known.chunk; first <= last_chunk; first += window) {
    struct Stored {
      std::vector<std::byte> bytes;
      std::uint32_t skipped = 0;
    };
    std::vector<Stored> stored(std::min(window, last_chunk + 1 - first));
    {
      const Hdf5Lock lock;
      const Hdf5Place place{"history.read", path_, object};
      const Handle dataset(checked(H5Dopen2(file_.id(), object.c_str(), H5P_DEFAULT), "H5Dopen2", place), &H5Dclose);
      for (std::size_t i = 0; i < stored.size(); ++i) {
        const hsize_t offset = (first + i) * known.chunk;
        hsize_t length = 0;
        checked(H5Dget_chunk_storage_size(dataset.id(), &offset, &length), "H5Dget_chunk_storage_size", place);
        stored[i].bytes.resize(length);
        if (length == 0) continue;  // never written: the fill value, zero; the digest decides
        checked(read_stored(dataset.id(), &offset, &stored[i].skipped, stored[i].bytes), "H5Dread_chunk", place);
      }
    }
    parallel::for_each_index(stored.size(), [&](std::size_t i) {
      const std::size_t chunk_begin = (first + i) * known.chunk;
      const std::size_t from = std::max(begin, chunk_begin);
      const std::size_t to = std::min(end, chunk_begin + known.chunk);
      std::vector<std::byte> raw(known.chunk * known.element_size);
      if (!stored[i].bytes.empty()) {
        decode_chunk(stored[i].bytes, stored[i].skipped, known.pipeline, known.element_size, raw, place_text);
      }
      std::memcpy(out.data() + (from - begin) * known.element_size,
                  raw.data() + (from - chunk_begin) * known.element_size, (to - from) * known.element_size);
    });
  }
  return out;
}

void TreeFile::read_plain(const std::string& object, const DatasetInfo& known, std::size_t begin,
                          std::span<std::byte> out) const {
  const Hdf5Lock lock;
  const Hdf5Place place{"history.read", path_, object};
  const Handle dataset(checked(H5Dopen2(file_.id(), object.c_str(), H5P_DEFAULT), "H5Dopen2", place), &H5Dclose);
  const Handle type(checked(H5Dget_type(dataset.id()), "H5Dget_type", place), &H5Tclose);
  const Handle space(checked(H5Dget_space(dataset.id()), "H5Dget_space", place), &H5Sclose);
  const hsize_t start = begin;
  const hsize_t count = out.size() / known.element_size;
  checked(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &start, nullptr, &count, nullptr), "H5Sselect_hyperslab",
          place);
  const Handle memory(checked(H5Screate_simple(1, &count, nullptr), "H5Screate_simple", place), &H5Sclose);
  checked(H5Dread(dataset.id(), type.id(), memory.id(), space.id(), H5P_DEFAULT, out.data()), "H5Dread", place);
}

std::vector<std::string> TreeFile::read_variable_text(const std::string& object, std::size_t begin,
                                                      std::size_t end) const {
  std::vector<std::string> texts(end - begin);
  if (texts.empty()) return texts;
  const Hdf5Lock lock;
  const Hdf5Place place{"history.read", path_, object};
  const Handle dataset(checked(H5Dopen2(file_.id(), object.c_str(), H5P_DEFAULT), "H5Dopen2", place), &H5Dclose);
  const Handle type(checked(H5Dget_type(dataset.id()), "H5Dget_type", place), &H5Tclose);
  const Handle space(checked(H5Dget_space(dataset.id()), "H5Dget_space", place), &H5Sclose);
  const hsize_t start = begin;
  const hsize_t count = texts.size();
  checked(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &start, nullptr, &count, nullptr), "H5Sselect_hyperslab",
          place);
  const Handle memory(checked(H5Screate_simple(1, &count, nullptr), "H5Screate_simple", place), &H5Sclose);
  std::vector<char*> raw(texts.size(), nullptr);
  checked(H5Dread(dataset.id(), type.id(), memory.id(), space.id(), H5P_DEFAULT, raw.data()), "H5Dread", place);
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = raw[i] != nullptr ? raw[i] : "";
  H5Dvlen_reclaim(type.id(), memory.id(), H5P_DEFAULT, raw.data());
  return texts;
}

}  // namespace luban::history::detail
