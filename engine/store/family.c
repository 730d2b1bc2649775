#include "store/family.h"

#include <string.h>

#include "base/fault.h"

enum { MIB = 1 << 20, MESSAGES_MAX = 1 * MIB, OPEN_FILES = 512 };

/* RocksDB writes a byte twice, to its write-ahead log and to a file, and checks it with a CRC in between: 1.7 ns of CPU
 * a byte. What is stored is compact already (rows.h), so compressing it again costs more than it saves; but for
 * snapshots, which are sparse. Big write buffers make big files, and files of a log follow each other, so that
 * compaction moves them to their level without rewriting them. */
struct family {
    const char *name; /* readable in RocksDB's own messages even when all else is encrypted: tells nothing */
    int buffer_mib;
    int compression;
};

static const struct family families[PL_STORE_FAMILIES] = {
    [PL_STORE_META] = {"default", 4, rocksdb_no_compression}, /* the family that every RocksDB has */
    [PL_STORE_BRONZE] = {"bronze", 64, rocksdb_no_compression},
    [PL_STORE_INDEX] = {"index", 4, rocksdb_no_compression},
    [PL_STORE_SILVER] = {"silver", 32, rocksdb_no_compression},
    [PL_STORE_GOLD] = {"gold", 32, rocksdb_no_compression},
    [PL_STORE_DEAD] = {"dead", 4, rocksdb_no_compression},
    [PL_STORE_STATE] = {"state", 16, rocksdb_lz4_compression},
    [PL_STORE_SPILL] = {"spill", 32, rocksdb_no_compression},
    [PL_STORE_KEPT] = {"kept", 4, rocksdb_no_compression},
    [PL_STORE_USERS] = {"users", 1, rocksdb_no_compression},
    [PL_STORE_AUDIT] = {"audit", 4, rocksdb_lz4_compression},
};

const char *pl__family_name(enum pl_store_family family) {
    return families[family].name;
}

int pl__family_find(const char *name) {
    for (int i = 0; i < PL_STORE_FAMILIES; i++)
        if (strcmp(families[i].name, name) == 0) return i;
    return -1;
}

rocksdb_options_t *pl__database_options(bool read_only) {
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, !read_only);
    rocksdb_options_set_create_missing_column_families(options, !read_only);
    rocksdb_options_set_wal_recovery_mode(options, rocksdb_tolerate_corrupted_tail_records_recovery);
    /* What has to be read again after a kill; past it, families that hold the oldest of it are written out. */
    rocksdb_options_set_max_total_wal_size(options, 128 * MIB);
    /* A reader keeps every file open, so that the writer may delete one under it. */
    rocksdb_options_set_max_open_files(options, read_only ? -1 : OPEN_FILES);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_bytes_per_sync(options, 1 * MIB); /* no bursts of writing-out for sync to wait for */
    rocksdb_options_set_advise_random_on_open(options, 0);
    rocksdb_options_set_info_log_level(options, 2); /* warnings */
    rocksdb_options_set_max_log_file_size(options, MESSAGES_MAX);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    return options;
}

rocksdb_options_t *pl__family_options(enum pl_store_family family) {
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_write_buffer_size(options, pl_fault_buffer((size_t)families[family].buffer_mib * MIB));
    rocksdb_options_set_max_write_buffer_number(options, 3);
    rocksdb_options_set_compression(options, families[family].compression);
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_checksum(table, PL__TABLE_CHECKSUM);
    rocksdb_block_based_options_set_format_version(table, PL__TABLE_VERSION);
    rocksdb_block_based_options_set_block_size(table, 16 << 10);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    return options;
}
