#include <luban/core/durable_file.hpp>
#include <luban/core/error.hpp>
#include <luban/core/file_lock.hpp>
#include <luban/core/sha256.hpp>
#include <luban/core/time.hpp>
#include <luban/history/detail/file_digest.hpp>
#include <luban/history/detail/manifest.hpp>
#include <luban/history/detail/read_back.hpp>
#include <luban/history/detail/schema.hpp>
#include <luban/history/detail/sealed_file.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <luban/history/detail/written_file.hpp>
#include <luban/history/writer.hpp>

namespace luban::history {
namespace detail {

std::string complete(Content& content, Tree& tree, const core::CallControl& control) {
  content.normalise();
  if (content.created_time == core::UtcTime::missing_count) {
    content.created_time = core::UtcTime::now().since_epoch().count();
  }
  if (content.uuid.empty()) {
    // RFC 9562 version 8: 122 bits of our own choice, here of a digest of what was imported and when.
    core::Sha256 hash;
    hash.update(content.process.empty() ? std::string() : content.process.front().definition);
    for (const Provenance& entry : content.provenance) hash.update(entry.link);
    hash.update(std::to_string(content.created_time) + " " +
                std::to_string(core::UtcTime::now().since_epoch().count()));
    std::string hex = hash.hex().substr(0, 32);
    hex[12] = '8';
    hex[16] = "89ab"[hex[16] % 4];
    content.uuid = hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
                   hex.substr(20);
  }
  tree = to_tree(content);
  const std::string digest = content_digest(tree, control);
  tree.groups.front().attributes.push_back({"content_digest", digest});
  return digest;
}

namespace {

void require_expected(const std::filesystem::path& path, const WriteOptions& options) {
  if (!options.replace || !options.expected_digest) return;
  const TreeFile file(path);
  if (text_attribute(file.groups().at("/"), "content_digest") == *options.expected_digest) return;
  throw core::LifecycleError({.where = "history.write",
                              .expected = "the file as it was opened",
                              .received = "another content",
                              .place = path.string(),
                              .hint = "another program has written it: open it again and repeat"});
}

/// Reads a finished file back, and compares; returns its seal, which is made meanwhile.
Seal prove(const std::filesystem::path& file, const Tree& tree, const std::filesystem::path& target,
           const core::CallControl& control) {
  Seal seal;
  const TreeFile opened(file);
  const Attributes& root = opened.groups().at("/");
  const bool same =
      holds(
          opened, tree, [&] { seal = make_seal(file); }, control) &&
      text_attribute(root, "content_digest") == text_attribute(tree.groups.front().attributes, "content_digest");
  if (same) return seal;
  throw core::IntegrityError({.where = "history.write",
                              .expected = "to read back what was written",
                              .received = "something else",
                              .place = target.string(),
                              .hint = "memory or disk may be faulty; the file that was there before is untouched"});
}

/// Gives a finished file its name, without waiting for the disk.
void give_name(const std::filesystem::path& file, const std::filesystem::path& path, bool replace) {
  std::error_code error;
  if (replace) {
    std::filesystem::rename(file, path, error);
  } else {
    std::filesystem::create_hard_link(file, path, error);  // fails when the name exists
  }
  if (!error) return;
  throw core::IoError({.where = "history.write",
                       .expected = "to give the finished file its name",
                       .received = error.message(),
                       .place = path.string(),
                       .hint = "check the folder and its permissions"});
}

}  // namespace

WrittenFile write_file(Content& content, const std::filesystem::path& path, const WriteOptions& options,
                       const core::CallControl& control) {
  if (!options.replace && std::filesystem::exists(path)) {
    throw core::IoError({.where = "history.write",
                         .expected = "a name that is free",
                         .received = "an existing file",
                         .place = path.string(),
                         .hint = "open it and append, or choose another name"});
  }
  std::optional<core::FileLock> lock;  // a new file needs none: of several writers one gets the name
  if (options.replace) {
    lock.emplace(path, "history.write");
    core::remove_abandoned(path, "history.write");
  }
  require_expected(path, options);
  Tree tree;
  WrittenFile written{complete(content, tree, control), {}};
  core::DurableFile temporary(path, "history.write");
  write_tree_file(temporary.path(), tree, options.compression, control);
  if (options.proven) {
    const Seal seal = prove(temporary.path(), tree, path, control);
    temporary.write(seal.text);
    written.bytes = seal.file;
  }
  control.check("history.write");
  // Once more: a program that knows nothing of the lock may have written meanwhile.
  require_expected(path, options);
  if (options.proven) {
    temporary.commit(options.replace);
  } else {
    give_name(temporary.path(), path, options.replace);
  }
  return written;
}

}  // namespace detail

std::string write(Content& content, const std::filesystem::path& path, const WriteOptions& options,
                  const core::CallControl& control) {
  return detail::write_file(content, path, options, control).content_digest;
}

}  // namespace luban::history
