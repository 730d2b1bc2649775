import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The windows of tests/bench/kafka as an application of Kafka Streams: count, mean, min, max and last of every tag in 10 s
 * of event time, written when the window closes, each row counted exactly once (exactly_once_v2). It ends when it has read
 * so many rows.
 *
 * usage: Windows BROKERS FROM TO ROWS
 */
public class Windows {
    /** A row is {"time":"2025-06-15T15:06:40Z","tag":"line1.pot01.voltage","value":4.1015,...}; the key is the tag. */
    static final class Row {
        static double value(byte[] json) {
            int at = find(json, "\"value\":"), end = at;
            while (json[end] != ',' && json[end] != '}')
                end++;
            String text = new String(json, at, end - at, StandardCharsets.US_ASCII);
            return text.equals("null") ? Double.NaN : Double.parseDouble(text);
        }

        static long time(byte[] json) {
            int at = find(json, "\"time\":\""), end = at;
            while (json[end] != '"')
                end++;
            return Instant.parse(new String(json, at, end - at, StandardCharsets.US_ASCII)).toEpochMilli();
        }

        private static int find(byte[] json, String name) {
            for (int i = 0; i + name.length() < json.length; i++) {
                int k = 0;
                while (k < name.length() && json[i + k] == name.charAt(k))
                    k++;
                if (k == name.length())
                    return i + k;
            }
            throw new IllegalArgumentException(new String(json, StandardCharsets.UTF_8));
        }
    }

    static final class EventTime implements TimestampExtractor {
        @Override
        public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
            return Row.time((byte[]) record.value());
        }
    }

    static final class Sums {
        long count;
        double sum, min = Double.POSITIVE_INFINITY, max = Double.NEGATIVE_INFINITY, last;

        Sums add(double value) {
            if (Double.isNaN(value))
                return this;
            count++;
            sum += value;
            min = Math.min(min, value);
            max = Math.max(max, value);
            last = value;
            return this;
        }
    }

    static Serde<Sums> sums() {
        return Serdes.serdeFrom(
            (topic, s) -> s == null ? null
                : ByteBuffer.allocate(40).putLong(s.count).putDouble(s.sum).putDouble(s.min).putDouble(s.max).putDouble(s.last).array(),
            (topic, bytes) -> {
                if (bytes == null)
                    return null;
                ByteBuffer at = ByteBuffer.wrap(bytes);
                Sums s = new Sums();
                s.count = at.getLong();
                s.sum = at.getDouble();
                s.min = at.getDouble();
                s.max = at.getDouble();
                s.last = at.getDouble();
                return s;
            });
    }

    static double cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() * 1e-9;
    }

    public static void main(String[] arguments) throws Exception {
        long rows = Long.parseLong(arguments[3]);
        AtomicLong seen = new AtomicLong();
        CountDownLatch all = new CountDownLatch(1);
        double[] begun = new double[2];
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "windows-" + ProcessHandle.current().pid());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("state"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put("auto.offset.reset", "earliest");
        settings.put("isolation.level", "read_committed");
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(arguments[1], Consumed.with(Serdes.String(), Serdes.ByteArray()).withTimestampExtractor(new EventTime()))
            .peek((tag, row) -> {
                long n = seen.incrementAndGet();
                if (n == 1) {
                    begun[0] = cpu();
                    begun[1] = System.nanoTime() * 1e-9;
                } else if (n == rows) {
                    all.countDown();
                }
            })
            .groupByKey(Grouped.with(Serdes.String(), Serdes.ByteArray()))
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(2)))
            .aggregate(Sums::new, (tag, row, s) -> s.add(Row.value(row)),
                Materialized.<String, Sums, WindowStore<Bytes, byte[]>>as("sums").withKeySerde(Serdes.String())
                    .withValueSerde(sums()).withRetention(Duration.ofMinutes(1)))
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
            .toStream((window, s) -> window.key() + "@" + window.window().start())
            .mapValues(s -> s.count + "," + s.sum / s.count + "," + s.min + "," + s.max + "," + s.last)
            .to(arguments[2], Produced.with(Serdes.String(), Serdes.String()));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        streams.setUncaughtExceptionHandler((Throwable problem) -> {
            problem.printStackTrace();
            return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        boolean done = all.await(30, TimeUnit.MINUTES);
        streams.close(Duration.ofSeconds(60));
        System.out.printf("%d %.3f %.3f%n", seen.get(), cpu() - begun[0], System.nanoTime() * 1e-9 - begun[1]);
        System.exit(done ? 0 : 1);
    }
}
