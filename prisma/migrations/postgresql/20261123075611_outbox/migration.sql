-- CreateTable
CREATE TABLE "OutboxMessage" (
    "id" BIGSERIAL NOT NULL,
    "messageId" TEXT NOT NULL,
    "messageType" TEXT NOT NULL,
    "key" TEXT,
    "payload" TEXT NOT NULL,
    "headers" TEXT,
    "status" TEXT NOT NULL,
    "occurredAt" TIMESTAMP(3) NOT NULL,
    "availableAt" TIMESTAMP(3) NOT NULL,
    "lockedUntil" TIMESTAMP(3),
    "lockToken" INTEGER NOT NULL DEFAULT 0,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "failCount" INTEGER NOT NULL DEFAULT 0,
    "lastError" TEXT,
    "processedAt" TIMESTAMP(3),

    CONSTRAINT "OutboxMessage_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ProcessedMessage" (
    "messageId" TEXT NOT NULL,
    "consumer" TEXT NOT NULL,
    "processedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "ProcessedMessage_pkey" PRIMARY KEY ("messageId","consumer")
);

-- CreateTable
CREATE TABLE "OutboxLock" (
    "bucket" INTEGER NOT NULL,

    CONSTRAINT "OutboxLock_pkey" PRIMARY KEY ("bucket")
);

-- CreateIndex
CREATE INDEX "OutboxMessage_status_availableAt_id_idx" ON "OutboxMessage"("status", "availableAt", "id");

-- CreateIndex
CREATE INDEX "OutboxMessage_key_id_idx" ON "OutboxMessage"("key", "id");

-- CreateIndex
CREATE INDEX "ProcessedMessage_processedAt_idx" ON "ProcessedMessage"("processedAt");
