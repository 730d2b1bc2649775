extern "C" {
#include "store/seal_env.h"

#include "store/seal.h"
}

#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <rocksdb/env.h>
#include <rocksdb/env_encryption.h>
#include <rocksdb/file_system.h>
#include <rocksdb/version.h>
#include <string>
#include <utility>
#include <vector>

/* The C API has no way to make these; this is how it lays them out (db/c.cc). */
static_assert(ROCKSDB_MAJOR == 7 && ROCKSDB_MINOR == 8, "compare the two structs below with db/c.cc of this version");

struct rocksdb_env_t {
    rocksdb::Env *rep;
    bool is_default;
};

struct rocksdb_logger_t {
    std::shared_ptr<rocksdb::Logger> rep;
};

namespace {

using namespace rocksdb; // NOLINT(google-build-using-namespace)

using Key = std::shared_ptr<struct pl_store_key>;

/* Whole buffers go to the cipher at once; RocksDB's own loop would come with 16 bytes a call. */
class Stream : public BlockAccessCipherStream {
  public:
    Stream(Key key, const struct pl__seal &seal) : key_(std::move(key)), seal_(seal) {
    }

    size_t BlockSize() override {
        return 16;
    }
    Status Encrypt(uint64_t offset, char *data, size_t size) override {
        return pl__seal_crypt(key_.get(), seal_.nonce, offset, data, size)
                   ? Status::OK()
                   : Status::IOError("OpenSSL does not encrypt");
    }
    Status Decrypt(uint64_t offset, char *data, size_t size) override {
        return Encrypt(offset, data, size); /* counter mode */
    }

  protected:
    void AllocateScratch(std::string & /*scratch*/) override {
    }
    Status EncryptBlock(uint64_t /*block*/, char * /*data*/, char * /*scratch*/) override {
        return Status::NotSupported("block by block");
    }
    Status DecryptBlock(uint64_t /*block*/, char * /*data*/, char * /*scratch*/) override {
        return Status::NotSupported("block by block");
    }

  private:
    Key key_;
    struct pl__seal seal_;
};

class Provider : public EncryptionProvider {
  public:
    explicit Provider(Key key) : key_(std::move(key)) {
    }

    const char *Name() const override {
        return "potline";
    }
    size_t GetPrefixLength() const override {
        return PL__SEAL;
    }
    Status CreateNewPrefix(const std::string & /*path*/, char *prefix, size_t /*size*/) const override {
        return pl__seal_make(key_.get(), prefix) ? Status::OK() : Status::IOError("OpenSSL gives no random bytes");
    }
    Status AddCipher(const std::string & /*name*/, const char * /*cipher*/, size_t /*size*/, bool /*write*/) override {
        return Status::NotSupported("the key is given once");
    }
    Status CreateCipherStream(const std::string &path, const EnvOptions & /*options*/, Slice &prefix,
                              std::unique_ptr<BlockAccessCipherStream> *stream) override {
        struct pl__seal seal;
        switch (pl__seal_look(key_.get(), prefix.data(), prefix.size(), &seal)) {
        case PL__SEAL_OURS: stream->reset(new Stream(key_, seal)); return Status::OK();
        case PL__SEAL_NONE: return Status::Corruption(path, "is written in the clear");
        case PL__SEAL_OTHER: return Status::Corruption(path, "is encrypted with another key");
        default: return Status::Corruption(path, "has no whole header");
        }
    }

  private:
    Key key_;
};

/* The size on the disk, 0 when the header is not whole: such a file has nothing in it. */
IOStatus disk_size(FileSystem *disk, const std::string &path, const IOOptions &options, uint64_t *size,
                   IODebugContext *debug) {
    IOStatus status = disk->GetFileSize(path, options, size, debug);
    if (status.ok() && *size < PL__SEAL) *size = 0;
    return status;
}

/* A file that had no header yet when it was opened: empty until it has one. A reader meets the writer's newest log so,
 * and would take its header for a record. */
class LateFile : public FSSequentialFile {
  public:
    LateFile(FileSystem *disk, FileSystem *encrypted, std::string path, const FileOptions &options)
        : disk_(disk), encrypted_(encrypted), path_(std::move(path)), options_(options) {
    }

    IOStatus Read(size_t size, const IOOptions &options, Slice *result, char *scratch, IODebugContext *debug) override {
        *result = Slice(scratch, 0);
        IOStatus status = look(debug);
        return status.ok() && file_ ? file_->Read(size, options, result, scratch, debug) : status;
    }
    IOStatus Skip(uint64_t size) override {
        IOStatus status = look(nullptr);
        return status.ok() && file_ ? file_->Skip(size) : status;
    }

  private:
    IOStatus look(IODebugContext *debug) {
        uint64_t size = 0;
        if (file_) return IOStatus::OK();
        IOStatus status = disk_size(disk_, path_, options_.io_options, &size, debug);
        return status.ok() && size ? encrypted_->NewSequentialFile(path_, options_, &file_, debug) : status;
    }

    FileSystem *disk_, *encrypted_;
    std::string path_;
    FileOptions options_;
    std::unique_ptr<FSSequentialFile> file_;
};

/* RocksDB's, but for files shorter than a header, where it stops the process. */
class SealedFileSystem : public FileSystemWrapper {
  public:
    SealedFileSystem(std::shared_ptr<FileSystem> disk, const std::shared_ptr<EncryptionProvider> &provider)
        : FileSystemWrapper(NewEncryptedFS(disk, provider)), disk_(std::move(disk)) {
    }

    const char *Name() const override {
        return "potline";
    }
    IOStatus NewSequentialFile(const std::string &path, const FileOptions &options,
                               std::unique_ptr<FSSequentialFile> *file, IODebugContext *debug) override {
        uint64_t size = 0;
        IOStatus status = disk_size(disk_.get(), path, options.io_options, &size, debug);
        if (!status.ok()) return status;
        if (size) return target()->NewSequentialFile(path, options, file, debug);
        file->reset(new LateFile(disk_.get(), target(), path, options));
        return status;
    }
    IOStatus NewRandomAccessFile(const std::string &path, const FileOptions &options,
                                 std::unique_ptr<FSRandomAccessFile> *file, IODebugContext *debug) override {
        uint64_t size = 0;
        IOStatus status = disk_size(disk_.get(), path, options.io_options, &size, debug);
        if (status.ok() && !size) status = IOStatus::Corruption(path, "has no whole header");
        return status.ok() ? target()->NewRandomAccessFile(path, options, file, debug) : status;
    }
    /* These would write into a file again, with a key stream that has been used. */
    IOStatus ReuseWritableFile(const std::string & /*path*/, const std::string & /*old*/,
                               const FileOptions & /*options*/, std::unique_ptr<FSWritableFile> * /*file*/,
                               IODebugContext * /*debug*/) override {
        return IOStatus::NotSupported("an encrypted file is not written to again");
    }
    IOStatus ReopenWritableFile(const std::string & /*path*/, const FileOptions & /*options*/,
                                std::unique_ptr<FSWritableFile> * /*file*/, IODebugContext * /*debug*/) override {
        return IOStatus::NotSupported("an encrypted file is not written to again");
    }
    IOStatus NewRandomRWFile(const std::string & /*path*/, const FileOptions & /*options*/,
                             std::unique_ptr<FSRandomRWFile> * /*file*/, IODebugContext * /*debug*/) override {
        return IOStatus::NotSupported("an encrypted file is not written to again");
    }
    IOStatus GetFileSize(const std::string &path, const IOOptions &options, uint64_t *size,
                         IODebugContext *debug) override {
        IOStatus status = disk_size(disk_.get(), path, options, size, debug);
        if (status.ok() && *size) *size -= PL__SEAL;
        return status;
    }
    IOStatus GetChildrenFileAttributes(const std::string &folder, const IOOptions &options,
                                       std::vector<FileAttributes> *found, IODebugContext *debug) override {
        IOStatus status = disk_->GetChildrenFileAttributes(folder, options, found, debug);
        for (auto &file : *found)
            file.size_bytes = file.size_bytes < PL__SEAL ? 0 : file.size_bytes - PL__SEAL;
        return status;
    }

  private:
    std::shared_ptr<FileSystem> disk_;
};

class Silence : public Logger {
  public:
    using Logger::Logv;
    void Logv(const char * /*format*/, va_list /*arguments*/) override {
    }
};

} // namespace

struct pl__seal_env {
    std::unique_ptr<Env> env;
    rocksdb_env_t c_env;
    rocksdb_logger_t c_logger;
};

extern "C" struct pl__seal_env *pl__seal_env_new(struct pl_store_key *key) {
    try {
        auto made = std::make_unique<struct pl__seal_env>();
        Key held(pl_store_key_ref(key), pl_store_key_unref);
        made->env = NewCompositeEnv(
            std::make_shared<SealedFileSystem>(FileSystem::Default(), std::make_shared<Provider>(held)));
        made->c_env = {made->env.get(), false};
        made->c_logger.rep = std::make_shared<Silence>();
        return made.release();
    } catch (const std::exception &) {
        return nullptr;
    }
}

extern "C" void pl__seal_env_free(struct pl__seal_env *env) {
    delete env;
}

extern "C" void pl__seal_env_use(struct pl__seal_env *env, rocksdb_options_t *options) {
    rocksdb_options_set_env(options, &env->c_env);
    rocksdb_options_set_info_log(options, &env->c_logger);
}
