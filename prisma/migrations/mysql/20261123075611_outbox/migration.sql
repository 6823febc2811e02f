-- CreateTable
CREATE TABLE `OutboxMessage` (
    `id` BIGINT NOT NULL AUTO_INCREMENT,
    `messageId` VARCHAR(191) NOT NULL,
    `messageType` VARCHAR(191) NOT NULL,
    `key` VARCHAR(191),
    `payload` LONGTEXT NOT NULL,
    `headers` LONGTEXT,
    `status` VARCHAR(191) NOT NULL,
    `occurredAt` DATETIME(3) NOT NULL,
    `availableAt` DATETIME(3) NOT NULL,
    `lockedUntil` DATETIME(3),
    `lockToken` INTEGER NOT NULL DEFAULT 0,
    `attempts` INTEGER NOT NULL DEFAULT 0,
    `failCount` INTEGER NOT NULL DEFAULT 0,
    `lastError` LONGTEXT,
    `processedAt` DATETIME(3),

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `ProcessedMessage` (
    `messageId` VARCHAR(191) NOT NULL,
    `consumer` VARCHAR(191) NOT NULL,
    `processedAt` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),

    PRIMARY KEY (`messageId`,`consumer`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateTable
CREATE TABLE `OutboxLock` (
    `bucket` INTEGER NOT NULL,

    PRIMARY KEY (`bucket`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- CreateIndex
CREATE INDEX `OutboxMessage_status_availableAt_id_idx` ON `OutboxMessage`(`status`, `availableAt`, `id`);

-- CreateIndex
CREATE INDEX `OutboxMessage_key_id_idx` ON `OutboxMessage`(`key`, `id`);

-- CreateIndex
CREATE INDEX `ProcessedMessage_processedAt_idx` ON `ProcessedMessage`(`processedAt`);
